"""What all blocks that ask a model share in their configs, and the provider it comes to (W33)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.crypto import salted_hmac
from pydantic import Field, ValidationInfo, field_validator

from workflows.blocks.base import BlockConfig, BlockFailed
from workflows.blocks.llm_providers import Limits, Price, Provider
from workflows.engine.fields import Template
from workflows.engine.types import ErrorClass, RetryPolicy

RETRY: Final = RetryPolicy(max_attempts=3)
TIMEOUT_SECONDS: Final = 120.0

OURS: Final = frozenset(
    {
        "model",
        "messages",
        "input",
        "stream",
        "stream_options",
        "temperature",
        "max_tokens",
        "response_format",
        "n",
    }
)
"""Fields of a request that the config itself fills."""

TOOLS: Final = frozenset({"tools", "tool_choice", "functions", "function_call", "parallel_tool_calls"})
"""A model is offered no tools: what it answers is data (S26)."""

Text = Annotated[str, Template()]

USAGE_SCHEMA: Final[Mapping[str, Any]] = {
    "usage": {
        "type": ["object", "null"],
        "properties": {"input_tokens": {"type": "integer"}, "output_tokens": {"type": "integer"}},
    },
    "model": {"type": "string"},
}
"""What every output says beside its answer: the tokens it took, when the provider told, and the model that answered."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask, and under which limits. ``name`` is what the limits are shared by."""

    name: str
    base_url: str
    api_key: str = field(repr=False)
    model: str
    limits: Limits
    price: Price | None


class ModelConfig(BlockConfig):
    """Whom to ask: a ``provider`` that this install offers by name, or a ``base_url`` with its ``api_key``.

    ``base_url`` ends where ``/chat/completions`` begins, usually in ``/v1``. ``limits`` are kept by all workers
    together; those of a named provider hold as well. ``price`` says what the model costs where no provider does.
    ``options`` are further fields of the request (``top_p``, ``seed`` …) as they are; tools cannot be offered.
    """

    base_url: Annotated[str | None, Template()] = None
    provider: Annotated[str | None, Field(validate_default=True)] = None
    api_key: Annotated[str | None, Template(secrets=True)] = None
    model: Annotated[str | None, Template(), Field(validate_default=True, max_length=256)] = None
    limits: Limits = Limits()
    price: Price | None = None
    options: Annotated[dict[str, Any], Template()] = {}

    @field_validator("provider")
    @classmethod
    def _is_offered(cls, provider: str | None, info: ValidationInfo) -> str | None:
        if "base_url" not in info.data:
            return provider
        if (provider is None) == (info.data["base_url"] is None):
            raise ValueError("name a provider, or give a base_url: one of the two")
        if provider is not None and provider not in settings.RUNSHEET_LLM_PROVIDERS:
            offered = ", ".join(sorted(settings.RUNSHEET_LLM_PROVIDERS)) or "none"
            raise ValueError(f"this install offers no provider {provider!r}; offered: {offered}")
        return provider

    @field_validator("model")
    @classmethod
    def _is_named(cls, model: str | None, info: ValidationInfo) -> str | None:
        named = info.data.get("provider")
        if not model and "provider" in info.data and not (named and _offered(named).model):
            raise ValueError("name the model")
        return model

    @field_validator("options")
    @classmethod
    def _options_free(cls, options: dict[str, Any]) -> dict[str, Any]:
        if offered := sorted(TOOLS & options.keys()):
            raise ValueError(f"{', '.join(offered)}: models are offered no tools, what they answer is data")
        if taken := sorted(OURS & options.keys()):
            raise ValueError(f"{', '.join(taken)} has a field of its own, or is set by the block")
        return options

    def target(self) -> Target:
        """Whom this config means. Raises ``BlockFailed`` when the provider is offered no longer."""
        if self.provider is None:
            url = (self.base_url or "").rstrip("/")
            key, model = self.api_key or "", self.model or ""
            return Target(_limits_name(url, key), url, key, model, self.limits, self.price)
        if self.provider not in settings.RUNSHEET_LLM_PROVIDERS:
            message = f"This install offers no provider {self.provider!r} any more."
            raise BlockFailed.because(ErrorClass.VALIDATION, "provider_unknown", message)
        offered = _offered(self.provider)
        model = self.model or offered.model or ""
        return Target(
            name=self.provider,
            base_url=offered.base_url.rstrip("/"),
            api_key=self.api_key or (offered.api_key.get_secret_value() if offered.api_key else ""),
            model=model,
            limits=self.limits.within(offered.limits),
            price=offered.prices.get(model, self.price),
        )


class ChatConfig(ModelConfig):
    """A question to a chat model. ``temperature`` and ``max_tokens`` are left to the model when they are left out.

    ``json_mode`` is how it is held to a schema: ``schema`` has the server see to it (``json_schema``), ``object`` asks
    for JSON and shows the schema in the prompt, ``prompt`` does only that, for servers that know neither.
    """

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    json_mode: Literal["schema", "object", "prompt"] = "schema"


def _offered(name: str) -> Provider:
    found: Provider = settings.RUNSHEET_LLM_PROVIDERS[name]
    return found


def _limits_name(url: str, key: str) -> str:
    """Calls with the same key to the same host share their limits; the key itself is told to nobody.

    Providers count by key. So nobody uses up, or has put on hold, what belongs to somebody else's key.
    """
    host = urlsplit(url).netloc.rpartition("@")[2].lower()
    return f"{host}#{salted_hmac('runsheet.llm', key).hexdigest()[:16]}" if key else host
