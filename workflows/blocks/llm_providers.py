"""The providers that whoever runs the install offers by name (`RUNSHEET_LLM_PROVIDERS`), and what calls cost.

The setting is JSON in the environment::

    {"house": {"base_url": "https://llm.example.org/v1", "api_key_env": "HOUSE_KEY", "model": "small-1",
               "limits": {"concurrency": 8, "requests_per_minute": 500, "tokens_per_minute": 200000},
               "prices": {"small-1": {"input_per_million": 0.15, "output_per_million": 0.6}}}}

A workflow names the provider and never sees its key. Knows nothing of Django: the settings are made of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import Field, SecretStr, StringConstraints, ValidationError

from workflows.blocks.base import BlockConfig

SETTING: Final = "RUNSHEET_LLM_PROVIDERS"
MILLION: Final = Decimal(1_000_000)

ProviderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call, as the provider counted them."""

    input_tokens: int
    output_tokens: int

    @property
    def total(self) -> int:
        """Both together: what limits count."""
        return self.input_tokens + self.output_tokens

    def as_json(self) -> dict[str, int]:
        """The shape in which outputs show it."""
        return {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens}


class Price(BlockConfig):
    """What a model costs, in the install's currency, per million tokens."""

    input_per_million: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    output_per_million: Annotated[Decimal, Field(ge=0)] = Decimal(0)

    def of(self, usage: Usage) -> Decimal:
        """The cost of one call."""
        spent = usage.input_tokens * self.input_per_million + usage.output_tokens * self.output_per_million
        return spent / MILLION


class Limits(BlockConfig):
    """How much a provider may be asked: calls under way at once, calls and tokens per minute. None is no limit."""

    concurrency: Annotated[int, Field(ge=1, le=10_000)] | None = None
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    tokens_per_minute: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None

    @property
    def bounded(self) -> bool:
        """Whether there is anything to keep to."""
        return any(value is not None for value in self.model_dump().values())

    def within(self, other: Limits) -> Limits:
        """The stricter of both, limit by limit: a workflow may ask for less than its provider allows, not more."""
        pairs = {name: (getattr(self, name), getattr(other, name)) for name in type(self).model_fields}
        return Limits(
            **{
                name: min((value for value in pair if value is not None), default=None)
                for name, pair in pairs.items()
            }
        )


class Provider(BlockConfig):
    """One named provider. ``api_key_env`` names the variable that holds its key, ``model`` is the default one."""

    base_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]")]
    api_key_env: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    model: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    limits: Limits = Limits()
    prices: dict[str, Price] = {}
    api_key: SecretStr | None = Field(default=None, exclude=True)


def read_providers(
    written: str, variable: Callable[[str], str], fault: Callable[[str], None]
) -> Mapping[str, Provider]:
    """The providers that the setting describes, their keys looked up; what is wrong goes to ``fault``.

    ``variable`` answers the value of an environment variable, empty when it is not set. Faults repeat no values.
    """
    if not written:
        return {}
    try:
        named = json.loads(written)
    except (ValueError, RecursionError):
        named = None
    if not isinstance(named, dict):
        fault(f'{SETTING} must be a JSON object: {{"name": {{"base_url": "https://…/v1", …}}}}.')
        return {}
    found = {name: _provider(name, entry, variable, fault) for name, entry in named.items()}
    return {name: provider for name, provider in found.items() if provider is not None}


def _provider(
    name: str, entry: Any, variable: Callable[[str], str], fault: Callable[[str], None]
) -> Provider | None:
    if isinstance(entry, dict) and "api_key" in entry:
        fault(f"{SETTING}: {name}: put the key into a variable of its own and name it by api_key_env.")
        return None
    try:
        provider = _Named.model_validate({"name": name, "provider": entry}).provider
    except ValidationError as error:
        for item in error.errors(include_url=False, include_input=False, include_context=False):
            place = ".".join(map(str, item["loc"][1:])) if item["loc"][0] == "provider" else "its name"
            fault(f"{SETTING}: {name}: {place or 'the provider'}: {item['msg']}.")
        return None
    if provider.api_key_env is None:
        return provider
    key = variable(provider.api_key_env)
    if not key:
        fault(f"{SETTING}: {name} takes its key from {provider.api_key_env}, which is not set.")
    return provider.model_copy(update={"api_key": SecretStr(key)})


class _Named(BlockConfig):
    name: ProviderName
    provider: Provider
