"""The block types and Python functions of this install (W3).

Types come from three places, in this order: those shipped here, packages with an entry point in the group
``runsheet.blocks`` (the entry point names a module, or a ``Block`` class), and the modules listed in
``RUNSHEET_BLOCKS``. Importing a module registers what it decorates. ``load`` runs once, when Django starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any, Final, TypeVar

from django.core.exceptions import ImproperlyConfigured

from workflows.blocks.base import Block

ENTRY_POINT_GROUP: Final = "runsheet.blocks"
SHIPPED: Final = ("start", "set", "condition", "switch", "http", "python", "respond", "fail")

BlockClass = TypeVar("BlockClass", bound="type[Block[Any]]")

_blocks: dict[str, Block[Any]] = {}


class BlockRegistrationInvalid(ImproperlyConfigured):
    """A block type or function cannot be registered; the message says which, and what to change."""


def register(block_class: BlockClass) -> BlockClass:
    """Class decorator: make a block type known under its ``name``. Raises when the name is taken."""
    missing = [
        name for name in ("name", "title", "config_model", "example") if not hasattr(block_class, name)
    ]
    if missing:
        raise BlockRegistrationInvalid(
            f"Block class {_path(block_class)} lacks {', '.join(missing)}; set them as class attributes."
        )
    held = _blocks.get(block_class.name)
    if held is not None and _path(type(held)) != _path(block_class):
        raise BlockRegistrationInvalid(
            f"Block type {block_class.name!r} is registered twice: by {_path(type(held))} and by "
            f"{_path(block_class)}. Give one of them another name."
        )
    _blocks[block_class.name] = block_class()
    return block_class


def block_types() -> Mapping[str, Block[Any]]:
    """Every registered block type by name, read-only."""
    return MappingProxyType(_blocks)


def load(modules: Iterable[str]) -> None:
    """Import everything that registers blocks; ``modules`` are those of ``RUNSHEET_BLOCKS``."""
    for name in SHIPPED:
        import_module(f"workflows.blocks.{name}")
    for point in entry_points(group=ENTRY_POINT_GROUP):
        loaded = point.load()
        if isinstance(loaded, type) and issubclass(loaded, Block):
            register(loaded)
    for module in modules:
        _import(module)


def _import(module: str) -> None:
    try:
        import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise  # the module is there; something it imports is not
        raise BlockRegistrationInvalid(
            f"RUNSHEET_BLOCKS names the module {module!r}, which cannot be imported. Correct the name, or "
            "install the package it is in."
        ) from error


def _path(thing: type) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"
