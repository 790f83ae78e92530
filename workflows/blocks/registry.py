"""The block types and Python functions of this install (W3).

Types come from three places, in this order: those shipped here, packages with an entry point in the group
``runsheet.blocks`` (the entry point names a module, or a ``Block`` class), and the modules listed in
``RUNSHEET_BLOCKS``. Importing a module registers what it decorates. ``load`` runs once, when Django starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, Final, TypeVar

from django.core.exceptions import ImproperlyConfigured

from workflows.blocks.base import Block
from workflows.blocks.registration import MODEL_ERRORS, block_fault, config_fault, model_fault

ENTRY_POINT_GROUP: Final = "runsheet.blocks"
SHIPPED: Final = (
    "start",
    "set",
    "condition",
    "switch",
    "loop",
    "parallel",
    "transform",
    "validate",
    "wait",
    "approval",
    "http",
    "llm",
    "classify",
    "extract",
    "embed",
    "router",
    "webhook",
    "email",
    "cache",
    "workflow",
    "python",
    "respond",
    "fail",
    "note",
)

BlockClass = TypeVar("BlockClass", bound="type[Block[Any]]")

_blocks: dict[str, Block[Any]] = {}


class BlockRegistrationInvalid(ImproperlyConfigured):
    """A block type or function cannot be registered; the message says which, and what to change."""


def register(block_class: BlockClass) -> BlockClass:
    """Class decorator: make a block type known under its ``name``. Raises when it is wrong, or the name is taken."""
    fault = block_fault(block_class)
    if fault is not None:
        raise BlockRegistrationInvalid(f"Block class {_path(block_class)} {fault}")
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
        _load(point)
    for module in modules:
        _import(module, f"RUNSHEET_BLOCKS names the module {module!r}, which")
    _check_functions()


def _load(point: EntryPoint) -> None:
    package = point.dist.name if point.dist is not None else "an unknown package"
    source = f"The entry point {point.name!r} of {package} names {point.value!r}, which"
    loaded = _import(point.module, source)
    for part in point.attr.split(".") if point.attr else ():
        if not hasattr(loaded, part):
            raise BlockRegistrationInvalid(f"{source} does not exist: {point.module} has no {point.attr}.")
        loaded = getattr(loaded, part)
    if isinstance(loaded, type) and issubclass(loaded, Block):
        register(loaded)
    elif point.attr:
        raise BlockRegistrationInvalid(f"{source} is no Block class. Name one, or the module alone.")


def _import(module: str, source: str) -> Any:
    """The module; ``source`` is the beginning of a sentence about who names it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name not in _parents(module):
            raise  # the module is there; something it imports is not
        raise BlockRegistrationInvalid(
            f"{source} cannot be imported. Correct the name, or install the package it is in."
        ) from error
    except MODEL_ERRORS as error:
        raise BlockRegistrationInvalid(model_fault(source, error)) from error


def _parents(module: str) -> set[str]:
    """The module's own dotted name, and those of the packages it is in."""
    parts = module.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts) + 1)}


def _check_functions() -> None:
    """Functions whose arguments no form can be made of are refused like blocks."""
    from workflows.blocks.functions import functions  # it imports this module

    for name, found in functions().items():
        fault = config_fault(found.arguments)
        if fault is not None:
            raise BlockRegistrationInvalid(f"Function {name!r} {fault}")


def _path(thing: type) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"
