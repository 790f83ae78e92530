"""A function that `python` blocks may call."""

import re

from workflows.blocks.base import BlockFailed
from workflows.blocks.functions import function
from workflows.engine.types import Effect, ErrorClass


@function("acme_sku", title="Acme: normal form of a SKU", effect=Effect.PURE, version="1")
def acme_sku(text: str, prefix: str = "ACME") -> dict[str, str]:
    """Write a stock keeping unit the one way the warehouse knows: `acme 12-b` becomes `ACME-0012-B`."""
    match = re.fullmatch(rf"(?:{re.escape(prefix)})?[\s-]*(\d{{1,4}})[\s-]*([A-Z])", text.strip().upper())
    if match is None:
        raise BlockFailed.because(
            ErrorClass.VALIDATION, "sku_unreadable", f"{text[:100]!r} is no SKU of ours."
        )
    return {"sku": f"{prefix}-{int(match[1]):04}-{match[2]}"}
