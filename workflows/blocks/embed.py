"""`embed`: texts as vectors (W33)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from workflows.blocks.base import Block, BlockContext, BlockResult, Example
from workflows.blocks.llm_answers import malformed
from workflows.blocks.llm_client import embeddings
from workflows.blocks.llm_config import RETRY, TIMEOUT_SECONDS, USAGE_SCHEMA, ModelConfig
from workflows.blocks.registry import register
from workflows.engine.fields import Template
from workflows.engine.types import Effect, RetryPolicy


class EmbedConfig(ModelConfig):
    """``input`` is a text or a list of texts; ``dimensions`` asks for shorter vectors, of models that can."""

    input: Annotated[str | Annotated[list[str], Field(min_length=1, max_length=256)], Template()]
    dimensions: Annotated[int, Field(ge=1, le=10_000)] | None = None


@register
class Embed(Block[EmbedConfig]):
    """Has an embedding model turn a text into a vector: ``embedding``; or a list of texts: ``embeddings``, in order.

    ``dimensions`` is their length. A hundred long vectors are more than an output may hold (1 MiB): ask for fewer
    texts at once, or fewer dimensions.
    """

    name = "embed"
    title = "Embed"
    config_model = EmbedConfig
    effect_class = Effect.REPEATABLE
    default_timeout_seconds = TIMEOUT_SECONDS
    default_retry: ClassVar[RetryPolicy | None] = RETRY
    output_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {
            "embedding": {"type": "array", "items": {"type": "number"}},
            "embeddings": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
            "dimensions": {"type": "integer"},
            **USAGE_SCHEMA,
        },
        "required": ["dimensions", "usage", "model"],
    }
    example = Example(
        config={"base_url": "{{ input.base_url }}", "model": "embed-1", "input": "{{ input.word }}"},
        input={"word": "sheet"},
        served={
            "/embeddings": {
                "model": "embed-1",
                "data": [{"index": 0, "embedding": [0.6, 0.8]}],
                "usage": {"prompt_tokens": 1, "total_tokens": 1},
            }
        },
        output={"embedding": [0.6, 0.8], "dimensions": 2},
    )

    async def run(self, context: BlockContext, config: EmbedConfig) -> BlockResult:
        """Ask for all texts at once; the answer must have a vector for each, all of one length."""
        texts = [config.input] if isinstance(config.input, str) else config.input
        answer = await embeddings(context, config, texts, config.dimensions)
        found = _in_order(answer.entries, len(texts))
        output: dict[str, Any] = {"dimensions": len(found[0]), **answer.account()}
        if isinstance(config.input, str):
            output["embedding"] = found[0]
        else:
            output["embeddings"] = found
        return BlockResult(output, cost=answer.cost)


def _in_order(entries: list[Any], wanted: int) -> list[list[float]]:
    """The vectors by their index, which providers need not keep to."""
    placed: dict[int, list[float]] = {}
    for position, entry in enumerate(entries):
        vector = entry.get("embedding") if isinstance(entry, dict) else None
        if not isinstance(vector, list) or not vector or not all(map(_is_number, vector)):
            raise malformed("an embedding is no list of numbers")
        index = entry.get("index", position)
        placed[index if isinstance(index, int) else position] = vector
    if sorted(placed) != list(range(wanted)):
        raise malformed(f"{wanted} texts were sent, and {len(entries)} embeddings came back")
    if len({len(vector) for vector in placed.values()}) > 1:
        raise malformed("its embeddings differ in length")
    return [placed[index] for index in range(wanted)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
