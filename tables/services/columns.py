"""Columns: added, changed, moved and removed, with what that does to workflow groups (T1, T2)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now
from django.utils.text import slugify

from tables.engine.coercion import COLUMN_TYPES
from tables.engine.column_options import check_options, options_kept, options_renamed
from tables.engine.dependencies import surviving_dependencies
from tables.engine.types import ColumnSpec, TableSpec
from tables.errors import ColumnNotFound, LimitReached, ValueInvalid
from tables.models import Column, Table, WorkflowGroup
from tables.selectors import table_spec
from tables.services.converting import OnMisfit, check_repeats, choices_made, values_convert
from tables.services.schema_lock import name_clean, names_checked, schema_change
from tables.services.stopping import stop
from workspaces.actors import Actor
from workspaces.errors import Invalid
from workspaces.services.audit import audit_record

KEY_LENGTH: Final = 63
_FIELDS: Final = ("name", "type", "options", "required", "unique")


def column_create(
    *,
    table: Table,
    name: str,
    actor: Actor,
    type: str = "text",  # noqa: A002 - the API's word
    options: Mapping[str, Any] | None = None,
    required: bool = False,
    unique: bool = False,
    ordinal: int | None = None,
) -> Column:
    """Add a column at ``ordinal`` (counted from 0; ``None``: at the end).

    Raises ``NameTaken``, ``Invalid``, ``LimitReached``, ``SchemaInvalid`` (inside a group: ``not_adjacent``).
    """
    wanted = {"name": name, "type": type, "options": options or {}, "required": required, "unique": unique}
    with schema_change(table.pk) as stored:
        (column,) = columns_insert(stored, [wanted], ordinal=ordinal)
        audit_record(
            workspace_id=stored.workspace_id,
            actor=actor,
            action="column.created",
            target=column,
            after=wanted,
        )
    return column


def column_update(
    *,
    table: Table,
    column_id: UUID,
    actor: Actor,
    on_misfit: OnMisfit = "refuse",
    renamed_choices: Mapping[str, str] | None = None,
    **changes: Any,
) -> Column:
    """Change ``name``, ``type``, ``options``, ``required`` and/or ``unique``; a rename writes no rows.

    Values the column holds are converted with it: all of them fit, or ``on_misfit`` says ``empty``, or nothing changes.
    A column that becomes one of choices and is given none gets those its values make. ``renamed_choices``:
    ``{old: new}``.

    Raises ``ColumnNotFound``, ``NameTaken``, ``Invalid``, ``LimitReached`` (too many values to convert),
    ``ColumnHoldsValues`` (some do not fit, or repeat and are to be unique; with examples).
    """
    with schema_change(table.pk) as stored:
        column = _column_of(stored, column_id)
        before = {field: getattr(column, field) for field in _FIELDS}
        if renamed_choices:
            changes["options"] = _choices_renamed(column, changes, renamed_choices)
        if changes.get("type", column.type) != column.type and "options" not in changes:
            changes["options"] = options_kept(_known_type(changes["type"], ""), column.options)
        old, new = _spec(before, column), _spec(_cleaned({**before, **changes}, ""), column)
        new = choices_made(stored, old, new)
        converted = values_convert(stored, old, new, on_misfit=on_misfit, renamed=renamed_choices)
        if new.unique and (converted.written or not old.unique):
            check_repeats(stored, new)
        after = {field: getattr(new, field) for field in _FIELDS if getattr(new, field) != before[field]}
        for field, value in after.items():
            setattr(column, field, value)
        with names_checked("column"):
            column.save(update_fields=list(after))
        if converted.written:
            _outdate_readers(stored, column)
        audit_record(
            workspace_id=stored.workspace_id,
            actor=actor,
            action="column.updated",
            target=column,
            before={field: before[field] for field in after},
            after={**after, "converted": converted.written, "emptied": converted.misfits},
        )
    return column


def column_delete(*, table: Table, column_id: UUID, actor: Actor) -> None:
    """Remove a column: it leaves dependencies and input mappings, and its group goes with its last output (T2).

    Rows keep what they held under its key, unseen; the key is never given out again. Raises ``ColumnNotFound``.
    """
    with schema_change(table.pk) as stored:
        column = _column_of(stored, column_id)
        audit_record(
            workspace_id=stored.workspace_id,
            actor=actor,
            action="column.deleted",
            target=column,
            before={"name": column.name, "key": column.key, "type": column.type},
        )
        group = column.group
        key = column.key
        column.delete()
        Column.objects.filter(table=stored, ordinal__gt=column.ordinal).update(ordinal=F("ordinal") - 1)
        stored.retired_keys = [*stored.retired_keys, key]
        stored.save(update_fields=["retired_keys"])
        if group is not None and not group.columns.exists():
            stop(table=stored, groups=[group.pk], deleted=True)
            group.delete()
        dependencies_scrub(stored.pk)


def columns_insert(
    table: Table, wanted: Sequence[Mapping[str, Any]], *, ordinal: int | None = None, place: str = ""
) -> list[Column]:
    """Insert columns side by side into a locked table; shared by every way of making one.

    ``place`` begins the names of faulty fields (``columns`` → ``columns[1].name``).
    """
    present = list(Column.objects.filter(table=table).values_list("key", "name"))
    if len(present) + len(wanted) > settings.RUNSHEET_MAX_COLUMNS:
        raise LimitReached(f"A table has at most {settings.RUNSHEET_MAX_COLUMNS:,} columns.")
    at = min(len(present) if ordinal is None else ordinal, len(present))
    keys = {key for key, _ in present} | set(table.retired_keys)
    names = {name for _, name in present}
    columns = []
    for number, each in enumerate(wanted):
        prefix = f"{place}[{number}]." if place else ""
        cleaned = _cleaned(each, prefix)
        if cleaned["name"] in names:
            raise Invalid(errors={f"{prefix}name": ["There is already a column of that name here."]})
        names.add(cleaned["name"])
        key = column_key(cleaned["name"], keys)
        keys.add(key)
        columns.append(Column(table=table, key=key, ordinal=at + number, **cleaned))
    Column.objects.filter(table=table, ordinal__gte=at).update(ordinal=F("ordinal") + len(columns))
    return Column.objects.bulk_create(columns)


def columns_order(table: Table, order: Sequence[UUID]) -> None:
    """Put the columns of a locked table in this order and scrub what can no longer hold (T2)."""
    columns = {column.pk: column for column in Column.objects.filter(table=table)}
    if len(order) != len(columns) or set(order) != set(columns):
        raise Invalid(errors={"order": ["Name every column of the table exactly once."]})
    for ordinal, column_id in enumerate(order):
        columns[column_id].ordinal = ordinal
    Column.objects.bulk_update(columns.values(), ["ordinal"], batch_size=500)
    dependencies_scrub(table.pk)


def dependencies_scrub(table_id: UUID) -> None:
    """Remove dependencies and input mappings on columns that are gone or no longer left of their group (T2).

    A group that loses one is at a new revision, and stops running by itself once it waits for nothing.
    """
    spec = table_spec(table_id)
    ids = {column.key: str(column.id) for column in spec.columns}
    planned = {group.id: group for group in spec.groups}
    for group in WorkflowGroup.objects.filter(table_id=table_id):
        kept = {ids[key] for key in surviving_dependencies(planned[group.pk], spec.columns)}
        depends_on = [each for each in group.depends_on if each in kept]
        usable = _usable_inputs(spec, group.pk)
        inputs = {
            name: source
            for name, source in group.inputs.items()
            if "column" not in source or source["column"] in usable
        }
        if depends_on == group.depends_on and inputs == group.inputs:
            continue
        group.auto_run = group.auto_run and bool(depends_on)
        group.depends_on, group.inputs, group.revision = depends_on, inputs, group.revision + 1
        group.save(update_fields=["depends_on", "inputs", "revision", "auto_run", "updated_at"])


def column_key(name: str, taken: Collection[str]) -> str:
    """A readable storage key for a column of this name: ``Company domain`` → ``company_domain``, then ``…_2``."""
    stem = slugify(name).replace("-", "_")[: KEY_LENGTH - 7].strip("_") or "column"
    if not re.match(r"[a-z]", stem):
        stem = f"c_{stem}"
    key, number = stem, 1
    while key in taken:
        number += 1
        key = f"{stem}_{number}"
    return key


def _usable_inputs(spec: TableSpec, group_id: UUID) -> set[str]:
    """Ids of the columns a group may read: those left of all it fills."""
    edge = min(
        (column.ordinal for column in spec.columns if column.group_id == group_id), default=len(spec.columns)
    )
    return {str(column.id) for column in spec.columns if column.ordinal < edge}


def _cleaned(wanted: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The fields of a column, checked; raises ``Invalid`` naming the field under ``prefix``."""
    type_name = _known_type(wanted.get("type", "text"), prefix)
    try:
        options = check_options(type_name, wanted.get("options") or {})
    except ValueInvalid as fault:
        raise Invalid(errors={f"{prefix}options": [fault.detail]}) from None
    return {
        "name": name_clean(wanted["name"], field=f"{prefix}name"),
        "type": type_name,
        "options": options,
        "required": bool(wanted.get("required", False)),
        "unique": bool(wanted.get("unique", False)),
    }


def _known_type(type_name: Any, prefix: str) -> str:
    if not isinstance(type_name, str) or type_name not in COLUMN_TYPES:
        raise Invalid(errors={f"{prefix}type": [f"Give one of: {', '.join(COLUMN_TYPES)}."]})
    return str(type_name)


def _spec(fields: Mapping[str, Any], column: Column) -> ColumnSpec:
    """A column with these fields, as conversions see it."""
    return ColumnSpec(
        id=column.pk,
        key=column.key,
        ordinal=column.ordinal,
        group_id=column.group_id,
        output_path=column.output_path,
        **{field: fields[field] for field in _FIELDS},
    )


def _choices_renamed(
    column: Column, changes: Mapping[str, Any], renamed: Mapping[str, str]
) -> Mapping[str, Any]:
    """The options after choices were renamed, unless they are given too. Raises ``Invalid``."""
    known = column.options.get("choices", ())
    if strange := sorted(set(renamed) - set(known)):
        raise Invalid(errors={"renamed_choices": [f"“{strange[0]}” is no choice of this column."]})
    if changes.get("type", column.type) != column.type:
        raise Invalid(errors={"renamed_choices": ["Rename choices before or after the type, not with it."]})
    return changes.get("options") or options_renamed(column.options, renamed)


def _outdate_readers(table: Table, column: Column) -> None:
    """Groups that read a column whose values changed their form filled theirs from the old one (T29)."""
    named = str(column.pk)
    for group in WorkflowGroup.objects.filter(table=table):
        if named in group.depends_on or any(each.get("column") == named for each in group.inputs.values()):
            WorkflowGroup.objects.filter(pk=group.pk).update(revision=F("revision") + 1, updated_at=Now())


def _column_of(table: Table, column_id: UUID) -> Column:
    column = Column.objects.select_related("group").filter(table=table, pk=column_id).first()
    if column is None:
        raise ColumnNotFound
    return column
