"""`acme_stock`: an async block that asks the warehouse."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

from pydantic import Field

from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockFailed, BlockResult, Example
from workflows.blocks.fetch import Call, fetch
from workflows.blocks.http import refused
from workflows.blocks.registry import register
from workflows.engine.fields import Template
from workflows.engine.types import Effect, ErrorClass, RetryPolicy

PRICE_OF_A_CALL = Decimal("0.0002")


class StockConfig(BlockConfig):
    """Which warehouse is asked, and for what."""

    base_url: Annotated[str, Template(), Field(description="Where the warehouse answers.")]
    skus: Annotated[list[str], Field(min_length=1, max_length=50, description="Up to 50 SKUs."), Template()]
    token: Annotated[str, Template(secrets=True), Field(description="Such as {{ secrets.ACME_TOKEN }}.")] = ""


@register
class Stock(Block[StockConfig]):
    """Asks the warehouse how many pieces of each SKU are on the shelf.

    A SKU the warehouse does not know has a stock of null.
    """

    name = "acme_stock"
    title = "Acme: stock"
    config_model = StockConfig
    effect_class = Effect.REPEATABLE
    default_timeout_seconds = 20.0
    default_retry: ClassVar[RetryPolicy | None] = RetryPolicy(max_attempts=4, delay_seconds=2)
    output_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {"stock": {"type": "object", "additionalProperties": {"type": ["integer", "null"]}}},
        "required": ["stock"],
    }
    example = Example(
        config={"base_url": "{{ input.base_url }}", "skus": ["ACME-0012-B"]},
        served={"/stock/ACME-0012-B": {"pieces": 3}},
        output={"stock": {"ACME-0012-B": 3}},
    )

    async def run(self, context: BlockContext, config: StockConfig) -> BlockResult:
        """One call per SKU; whoever watches sees how far it is."""
        stock: dict[str, int | None] = {}
        for position, sku in enumerate(config.skus):
            context.progress(position / len(config.skus), sku)
            stock[sku] = await _pieces(context, config, sku)
        return BlockResult({"stock": stock}, cost=PRICE_OF_A_CALL * len(config.skus))


async def _pieces(context: BlockContext, config: StockConfig, sku: str) -> int | None:
    answer = await fetch(
        Call(
            method="GET",
            url=f"{config.base_url}/stock/{quote(sku, safe='')}",
            headers={"Authorization": f"Bearer {config.token}"} if config.token else {},
            max_bytes=10_000,
            deadline_seconds=context.remaining_seconds(),
        )
    )
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise refused(answer)  # 429 and 5xx are tried again, others are not; Retry-After is heeded
    try:
        return int(json.loads(answer.content)["pieces"])
    except (ValueError, KeyError, TypeError):
        message = "The warehouse answered what we cannot read."
        raise BlockFailed.because(ErrorClass.VALIDATION, "warehouse_unreadable", message) from None
