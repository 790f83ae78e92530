"""Between a row and a run: the row's data becomes the run's input, the run's results become the row's values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from tables.engine.coercion import coerce
from tables.engine.eligibility import RUN, Reason, Verdict
from tables.engine.types import GroupSpec, TableSpec
from tables.engine.values import MAX_CELL_BYTES, json_size
from tables.errors import ValueInvalid
from workflows.engine.expressions import ExpressionError, Path, compile_expression


class OutputInvalid(ValueError):
    """A run's result does not fit the column it is meant for. ``column`` is the column's key."""

    code = "output_invalid"

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column


class OutputTooLarge(OutputInvalid):
    """It is more than a cell holds (F21)."""

    code = "output_too_large"


def run_input(group: GroupSpec, data: Mapping[str, Any]) -> dict[str, Any]:
    """The run's ``input``, from the group's mapping over the row's data.

    Raises:
        ExpressionError: an input's expression cannot be evaluated over this row.
    """
    return {name: _input_value(source, group, data) for name, source in group.inputs.items()}


def _input_value(source: Mapping[str, Any], group: GroupSpec, data: Mapping[str, Any]) -> Any:
    if "column" in source:
        return data.get(source["column"])
    if "expression" in source:
        return _evaluated(source["expression"], group, data)
    return source.get("value")


def _evaluated(source: str, group: GroupSpec, data: Mapping[str, Any]) -> Any:
    """An expression over a row. What a column does not hold is null; what is no column (any more) is missing (W5)."""
    expression = compile_expression(source)
    if group.readable is None:
        return expression.render({"row": data})
    named = {path[1] if len(path) > 1 else None for path in expression.references if path[0] == "row"}
    keys = group.readable if None in named else group.readable & named
    return expression.render({"row": {key: data.get(key) for key in keys}})


def row_snapshot(references: Iterable[Path], spec: TableSpec, data: Mapping[str, Any]) -> dict[str, Any]:
    """The columns a workflow reads as ``row.<key>``, as they are now; every column when it reads ``row`` as a whole.

    A column that holds nothing yet is null rather than missing: the schema knows it (W5).
    """
    read = {path[1] if len(path) > 1 else None for path in references if path and path[0] == "row"}
    return {column.key: data.get(column.key) for column in spec.columns if None in read or column.key in read}


def judge_condition(group: GroupSpec, data: Mapping[str, Any]) -> Verdict:
    """Evaluate the group's condition over a row's data (`tables.md` section 2)."""
    try:
        holds = _evaluated(group.condition, group, data)
    except ExpressionError as error:
        return Verdict(Reason.CONDITION_ERROR, detail=str(error))
    return RUN if holds else Verdict(Reason.CONDITION_FALSE)


def output_patch(
    spec: TableSpec,
    group: GroupSpec,
    result: Any,
    blocks: Mapping[str, Any],
    max_bytes: int = MAX_CELL_BYTES,
) -> tuple[dict[str, Any], bool]:
    """Values for the group's columns by key, coerced to their types, and whether any of them holds something.

    ``max_bytes`` is what a cell may hold.

    Raises:
        OutputInvalid: a value does not fit its column.
        OutputTooLarge: it is more than a cell holds.
    """
    patch: dict[str, Any] = {}
    for output in group.outputs:
        column = spec.column(output.column_key)
        if column is None or column.group_id != group.id:
            continue  # deleted, or taken out of the group, while the run was under way (T5)
        value = value_at(output.path, result, blocks)
        if (size := _size(value)) > max_bytes:
            words = f"the value for column “{column.name}” takes {size:,} bytes; a cell holds at most {max_bytes:,}."
            raise OutputTooLarge(column.key, words)
        try:
            patch[column.key] = None if value is None else coerce(column, value, max_bytes=max_bytes)
        except ValueInvalid as error:
            message = (
                f"the value for column “{column.name}” (from {output.path}) does not fit: {error.detail}"
            )
            raise OutputInvalid(column.key, message) from error
    return patch, any(value not in (None, "", []) for value in patch.values())


def _size(value: Any) -> int:
    """Bytes of a value as a cell counts them; 0 for what is small whatever it holds."""
    if value is None or isinstance(value, bool | int | float):
        return 0
    return len(value.encode("utf-8", "replace")) if isinstance(value, str) else json_size(value)


def partial_patch(
    spec: TableSpec, group: GroupSpec, blocks: Mapping[str, Any], max_bytes: int = MAX_CELL_BYTES
) -> dict[str, Any]:
    """Values of the columns that these finished blocks fill as ``blocks.<key>…`` (T19).

    One that does not fit its column is left for the end of the run, which fails over it.
    """
    patch: dict[str, Any] = {}
    for output in group.outputs:
        column = spec.column(output.column_key)
        if column is None or column.group_id != group.id or output.block not in blocks:
            continue
        value = value_at(output.path, None, blocks)
        with suppress(ValueInvalid):
            patch[column.key] = None if value is None else coerce(column, value, max_bytes=max_bytes)
    return patch


def streamed_columns(spec: TableSpec, group: GroupSpec, block: str) -> list[str]:
    """Keys of the text columns that show what a block says while it runs: filled with its output, or the text in it."""
    wholes = (f"blocks.{block}", f"blocks.{block}.text")
    found = (spec.column(output.column_key) for output in group.outputs if output.path in wholes)
    return [column.key for column in found if column is not None and column.type == "text"]


def value_at(path: str, result: Any, blocks: Mapping[str, Any]) -> Any:
    """The value under ``result…`` or ``blocks.<key>…``; ``None`` where the path leads nowhere.

    >>> value_at("result.a.0", {"a": [7]}, {})
    7
    """
    root, *rest = path.split(".")
    value: Any = result if root == "result" else blocks
    for part in rest:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value
