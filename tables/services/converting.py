"""A column that holds values takes another type, or other choices: its values are converted, or the change is refused.

All in the transaction of the schema change, with the rows held: a value is of the old type before it and of the new
one after it. So the number of values is bounded; a column of more is replaced by a new one, filled by an import.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from django.conf import settings
from django.db import connection

from tables.engine.converting import Conversion, choices_of, needs_conversion, wants_choices
from tables.engine.types import ColumnSpec
from tables.errors import ColumnHoldsValues, LimitReached, ValueInvalid
from tables.models import Table, converting_sql

MAX_CONVERTED_VALUES: Final = 100_000
BATCH: Final = 2_000
EXAMPLES: Final = 5

OnMisfit = Literal["refuse", "empty"]


@dataclass(slots=True)
class Converted:
    """How many values were written in another form, and what did not fit."""

    written: int = 0
    misfits: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)


def values_convert(
    table: Table,
    old: ColumnSpec,
    new: ColumnSpec,
    *,
    on_misfit: OnMisfit = "refuse",
    renamed: Mapping[str, str] | None = None,
) -> Converted:
    """Bring every value of the column into the form of ``new``; under the table's lock.

    Raises ``ColumnHoldsValues`` (with ``misfits``, ``values`` and ``examples``) when some do not fit and may not be
    emptied, ``LimitReached`` when there are too many to hold the table for.
    """
    done = Converted()
    if not needs_conversion(old, new, renamed):
        return done
    total = _count(table, old)
    conversion = Conversion(old, new, renamed, max_bytes=settings.RUNSHEET_MAX_CELL_BYTES)
    for batch in _batches(table, old):
        _convert(batch, conversion, old.key, done, is_refusing=on_misfit == "refuse")
    if done.misfits and on_misfit == "refuse":
        raise ColumnHoldsValues(
            f"{done.misfits:,} of {total:,} values of “{old.name}” do not fit the type {new.type}, e.g. "
            f"{done.examples[0]['reason']} Change them first, or empty them by “on_misfit”: “empty”.",
            misfits=done.misfits,
            values=total,
            examples=done.examples,
        )
    return done


def choices_made(table: Table, old: ColumnSpec, new: ColumnSpec) -> ColumnSpec:
    """``new`` with the choices its values make, where it becomes a column of choices and was given none."""
    if not wants_choices(old, new):
        return new
    with connection.cursor() as cursor:
        cursor.execute(
            converting_sql.DISTINCT_VALUES,
            {"table": table.pk, "key": old.key, "most": MAX_CONVERTED_VALUES},
        )
        choices = choices_of(old, new.type, (json.loads(value) for (value,) in cursor.fetchall()))
    if choices is None:
        raise ColumnHoldsValues(
            f"The values of “{old.name}” are too many, too long or hold commas, and cannot all be choices. "
            "Give the choices in the options."
        )
    return replace(new, options={**new.options, "choices": choices})


def check_repeats(table: Table, column: ColumnSpec) -> None:
    """Raise ``ColumnHoldsValues`` with examples when a value occurs in several rows."""
    with connection.cursor() as cursor:
        cursor.execute(converting_sql.REPEATED_VALUES, {"table": table.pk, "key": column.key})
        found = [{"value": json.loads(value), "rows": rows} for value, rows in cursor.fetchall()]
    if found:
        shown = json.dumps(found[0]["value"], ensure_ascii=False)[:80]
        raise ColumnHoldsValues(
            f"“{column.name}” cannot be unique: {shown} stands in {found[0]['rows']:,} rows. Make them differ first.",
            examples=found,
        )


def _count(table: Table, column: ColumnSpec) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            converting_sql.COUNT_VALUES,
            {"table": table.pk, "key": column.key, "most": MAX_CONVERTED_VALUES + 1},
        )
        total = int(cursor.fetchone()[0])
    if total > MAX_CONVERTED_VALUES:
        raise LimitReached(
            f"“{column.name}” holds more than {MAX_CONVERTED_VALUES:,} values, and the table would stand still while "
            "they are converted. Make a new column of that type, and fill it by importing an export with upsert."
        )
    return total


def _batches(table: Table, column: ColumnSpec) -> Iterator[list[tuple[Any, str]]]:
    """The column's values as JSON texts with their rows, a batch at a time, read through a cursor of the server's."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(converting_sql.HELD_VALUES, {"table": table.pk, "key": column.key})
        while batch := cursor.fetchmany(BATCH):
            yield batch


def _convert(
    batch: list[tuple[Any, str]], conversion: Conversion, key: str, done: Converted, *, is_refusing: bool
) -> None:
    written: dict[Any, str | None] = {}
    for row_id, text in batch:
        value = json.loads(text)
        try:
            new = conversion.convert(value)
        except ValueInvalid as fault:
            done.misfits += 1
            if len(done.examples) < EXAMPLES:
                done.examples.append({"row": str(row_id), "value": value, "reason": fault.detail})
            new = None
        if new != value or type(new) is not type(value):
            written[row_id] = None if new is None else json.dumps(new)
    if not written or (is_refusing and done.misfits):
        return
    done.written += len(written)
    with connection.cursor() as cursor:
        cursor.execute(
            converting_sql.WRITE_VALUES, {"key": key, "ids": list(written), "values": list(written.values())}
        )
