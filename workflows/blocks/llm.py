"""`llm`: ask a language model (W33)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockResult, Example
from workflows.blocks.json_schema import check_schema
from workflows.blocks.llm_client import Message, chat, checked_json
from workflows.blocks.llm_config import RETRY, TIMEOUT_SECONDS, USAGE_SCHEMA, ChatConfig
from workflows.blocks.registry import register
from workflows.engine.fields import Template
from workflows.engine.types import Effect, RetryPolicy


def _is_schema(schema: dict[str, Any]) -> dict[str, Any]:
    check_schema(schema)
    return schema


class Turn(BlockConfig):
    """One message: who says it, and what; ``content`` is a text, or the protocol's list of parts."""

    role: Literal["system", "user", "assistant"]
    content: str | list[dict[str, Any]]


class LlmConfig(ChatConfig):
    """``prompt`` is one question, ``messages`` a whole conversation: give one of the two; ``system`` goes before it.

    ``response_schema`` is a JSON schema as it is written, without templates.
    """

    system: Annotated[str | None, Template()] = None
    prompt: Annotated[str | None, Template()] = None
    messages: Annotated[list[Turn] | None, Template(), Field(validate_default=True, max_length=1_000)] = None
    response_schema: Annotated[dict[str, Any], AfterValidator(_is_schema)] | None = None
    stream: bool = True

    @field_validator("messages")
    @classmethod
    def _is_asked(cls, messages: list[Turn] | None, info: ValidationInfo) -> list[Turn] | None:
        if "prompt" in info.data and (info.data["prompt"] is None) == (messages is None):
            raise ValueError("give a prompt, or messages: one of the two")
        return messages

    def conversation(self) -> list[Message]:
        """What is sent, in the protocol's shape."""
        turns = self.messages or [Turn(role="user", content=self.prompt or "")]
        system = [] if self.system is None else [Turn(role="system", content=self.system)]
        return [turn.model_dump() for turn in (*system, *turns)]


@register
class Llm(Block[LlmConfig]):
    """Asks a language model, at any address that speaks the OpenAI protocol.

    The answer is shown while it comes. With a ``response_schema`` the model is held to it and the answer is read as
    ``json``; one that does not fit fails the block as ``schema_mismatch``, and is asked for again only if its retry
    policy names the class ``validation``. Tokens are recorded, and what they cost where prices are known.

    Limits are shared by all workers: when they are reached the run waits without one, and no attempt is counted. A 429
    is tried again once ``Retry-After`` is over, and keeps everybody else from calling until then. What a model answers
    is data: it is offered no tools, and whatever it answers starts nothing.
    """

    name = "llm"
    title = "Ask a model"
    config_model = LlmConfig
    effect_class = Effect.REPEATABLE
    default_timeout_seconds = TIMEOUT_SECONDS
    default_retry: ClassVar[RetryPolicy | None] = RETRY
    output_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "json": {},
            "finish_reason": {"type": ["string", "null"]},
            **USAGE_SCHEMA,
        },
        "required": ["text", "finish_reason", "usage", "model"],
    }
    example = Example(
        config={
            "base_url": "{{ input.base_url }}",
            "model": "small-1",
            "prompt": "Greet {{ input.name }} in one line.",
            "price": {"input_per_million": 0.15, "output_per_million": 0.6},
        },
        input={"name": "Ada"},
        served={
            "/chat/completions": {
                "model": "small-1",
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": "Hello, Ada!"},
                        "finish_reason": "stop",
                    }
                ],
                "usage": {"prompt_tokens": 9, "completion_tokens": 4},
            }
        },
        output={
            "text": "Hello, Ada!",
            "finish_reason": "stop",
            "usage": {"input_tokens": 9, "output_tokens": 4},
        },
    )

    async def run(self, context: BlockContext, config: LlmConfig) -> BlockResult:
        """Ask, show what comes, and read it."""
        schema = config.response_schema
        answer = await chat(
            context, config, config.conversation(), schema=schema, strict=False, stream=config.stream
        )
        output: dict[str, Any] = {
            "text": answer.text,
            "finish_reason": answer.finish_reason,
            **answer.account(),
        }
        if schema is not None:
            output["json"] = await checked_json(answer, schema)
        return BlockResult(output, cost=answer.cost)
