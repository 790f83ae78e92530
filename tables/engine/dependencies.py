"""The invariants of workflow groups, the order in which they run, and who depends on what (T1, T2, T8).

A schema change is planned on plain values, checked here as a whole, and only then written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from tables.engine.types import ColumnSpec, GroupSpec


@dataclass(frozen=True, slots=True)
class SchemaFault:
    """One broken rule: a stable code, the group it concerns (``None``: not made yet), the field of it, and words."""

    code: str
    group_id: UUID | None
    field: str
    message: str


def check_schema(columns: Sequence[ColumnSpec], groups: Sequence[GroupSpec]) -> tuple[SchemaFault, ...]:
    """Every broken rule of T1 and of ``auto_run``, group by group; empty when the schema stands.

    ``columns`` in the table's order. A group's ``outputs`` are what it claims, a column's ``group_id`` whom it
    belongs to: both must agree.
    """
    places = {column.key: place for place, column in enumerate(columns)}
    names = {column.key: column.name for column in columns}
    owners = {column.key: column.group_id for column in columns}
    faults = _cycle_faults(groups)
    for group in groups:
        faults += _output_faults(group, owners, names)
        faults += _place_faults(group, places, names)
        if group.auto_run and not group.depends_on:
            faults.append(
                _fault(
                    group,
                    "auto_run_needs_dependency",
                    "auto_run",
                    f"“{group.name}” can run by itself only once it depends on a column. Choose what it waits for.",
                )
            )
    return tuple(faults)


def run_order(columns: Sequence[ColumnSpec], groups: Iterable[GroupSpec]) -> tuple[GroupSpec, ...]:
    """Groups in the order they run: the dependency graph first, then column order (T8).

    Stable and total: of the groups whose dependencies are all placed, the leftmost comes next. Groups in a cycle,
    which ``check_schema`` refuses, come last in column order rather than being lost.
    """
    places = {column.key: place for place, column in enumerate(columns)}
    owner = {column.key: column.group_id for column in columns}
    waiting = sorted(groups, key=lambda group: (_leftmost(group, places), str(group.id)))
    ordered: list[GroupSpec] = []
    while waiting:
        open_ids = {group.id for group in waiting}
        ready = next(
            (g for g in waiting if not any(owner.get(key) in open_ids - {g.id} for key in g.depends_on)),
            waiting[0],
        )
        waiting.remove(ready)
        ordered.append(replace(ready, ordinal=len(ordered)))
    return tuple(ordered)


def dependants(column_key: str, groups: Iterable[GroupSpec]) -> tuple[GroupSpec, ...]:
    """The groups that wait for this column."""
    return tuple(group for group in groups if column_key in group.depends_on)


def surviving_dependencies(
    group: GroupSpec, columns: Sequence[ColumnSpec], dropped: Collection[str] = ()
) -> tuple[str, ...]:
    """The group's dependencies that still stand left of it after a move or without ``dropped`` (T2)."""
    places = {column.key: place for place, column in enumerate(columns) if column.key not in dropped}
    edge = _leftmost(group, places)
    return tuple(key for key in group.depends_on if key in places and places[key] < edge)


def _leftmost(group: GroupSpec, places: dict[str, int]) -> int:
    return min((places[key] for key in group.output_keys if key in places), default=len(places))


def _output_faults(
    group: GroupSpec, owners: dict[str, UUID | None], names: dict[str, str]
) -> list[SchemaFault]:
    if not group.outputs:
        return [
            _fault(group, "output_missing", "outputs", f"“{group.name}” needs at least one output column.")
        ]
    faults = []
    keys = group.output_keys
    for key in dict.fromkeys(keys):
        if key not in owners:
            faults.append(
                _fault(group, "output_missing", "outputs", "An output names a column that does not exist.")
            )
        elif keys.count(key) > 1 or owners[key] != group.id:
            other = "another workflow group" if owners[key] not in {group.id, None} else "two outputs"
            faults.append(
                _fault(
                    group,
                    "output_claimed_twice",
                    "outputs",
                    f"The column “{names[key]}” is filled by {other} already; a column has one source.",
                )
            )
    return faults


def _place_faults(group: GroupSpec, places: dict[str, int], names: dict[str, str]) -> list[SchemaFault]:
    """What the group waits for and reads stands left of all it fills, and that stands side by side."""
    own = sorted(places[key] for key in set(group.output_keys) if key in places)
    edge = own[0] if own else len(places)
    read = [("depends_on", key) for key in group.depends_on]
    read += [
        (f"inputs.{name}", source["column"]) for name, source in group.inputs.items() if "column" in source
    ]
    faults = []
    for field, key in read:
        if key not in places:
            faults.append(
                _fault(group, "dependency_missing", field, "This names a column that does not exist.")
            )
        elif key in group.output_keys:
            message = f"“{group.name}” fills the column “{names[key]}” and cannot wait for it or read it."
            faults.append(_fault(group, "depends_on_itself", field, message))
        elif places[key] > edge:
            message = f"“{names[key]}” stands to the right of “{group.name}”. Move it left, or do not use it."
            faults.append(_fault(group, "depends_on_right", field, message))
    if own and own[-1] - own[0] + 1 != len(own):
        message = f"The columns of “{group.name}” must stand side by side."
        faults.append(_fault(group, "not_adjacent", "outputs", message))
    return faults


def _cycle_faults(groups: Sequence[GroupSpec]) -> list[SchemaFault]:
    """Groups that wait for each other: what is left when all that can run have run."""
    open_groups = list(groups)
    while open_groups:
        left = [
            group
            for group in open_groups
            if any(
                set(group.depends_on) & set(other.output_keys) for other in open_groups if other is not group
            )
        ]
        if len(left) == len(open_groups):
            return [
                _fault(group, "cycle", "depends_on", f"“{group.name}” waits for itself through other groups.")
                for group in left
            ]
        open_groups = left
    return []


def _fault(group: GroupSpec, code: str, field: str, message: str) -> SchemaFault:
    return SchemaFault(code, group.id, field, message)
