"""Blocks of the Acme warehouse: importing this package registers them (see `runsheet.blocks` in pyproject.toml)."""

from acme_blocks import reorder, sku, stock

__all__ = ["reorder", "sku", "stock"]
