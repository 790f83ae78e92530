"""What becomes of rows that are given with a key: pure, from which stored rows have that key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from tables.errors import ValueInvalid


class UpsertMode(StrEnum):
    """``insert`` leaves the rows that are there, ``update`` adds none, ``upsert`` does both."""

    INSERT = "insert"
    UPDATE = "update"
    UPSERT = "upsert"


@dataclass(frozen=True, slots=True)
class UpsertPlan:
    """Given rows by their place, from 0: ``inserts`` are new, ``updates`` and ``kept`` name the stored row.

    A place in none of them has no row: it is ``missing``, in mode ``update``.
    """

    inserts: tuple[int, ...]
    updates: Mapping[int, UUID]
    kept: Mapping[int, UUID]


def check_keys(keys: Sequence[str | None], column: str) -> None:
    """Raise ``ValueInvalid`` for rows without a key (``None``), and for keys that are given twice.

    ``keys`` are texts that are equal exactly when the values are; ``column`` is the key column's name.
    """
    first: dict[str, int] = {}
    faults: dict[str, list[str]] = {}
    for place, key in enumerate(keys):
        if key is None:
            faults[f"rows[{place}].{column}"] = ["The row has no value here, and this is its key."]
        elif first.setdefault(key, place) != place:
            faults[f"rows[{place}].{column}"] = [f"rows[{first[key]}] has the same key."]
    _raise(faults)


def plan_upsert(count: int, found: Mapping[int, Sequence[UUID]], mode: UpsertMode, column: str) -> UpsertPlan:
    """What becomes of ``count`` rows, of which ``found`` says by place which stored rows have the same key.

    Raises ``ValueInvalid`` when a row that is to be written over could be one of several.
    """
    known = {place: ids[0] for place, ids in found.items() if ids}
    absent = tuple(place for place in range(count) if place not in known)
    if mode is UpsertMode.INSERT:
        return UpsertPlan(absent, {}, known)
    _raise(
        {
            f"rows[{place}].{column}": [f"{len(ids)} rows of the table have this key."]
            for place, ids in found.items()
            if len(ids) > 1
        }
    )
    return UpsertPlan(absent if mode is UpsertMode.UPSERT else (), known, {})


def _raise(faults: Mapping[str, list[str]]) -> None:
    if faults:
        place, words = next(iter(faults.items()))
        raise ValueInvalid(f"{place}: {words[0]}", errors=dict(faults))
