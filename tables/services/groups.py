"""Workflow groups: columns filled together by one run per row (T1, T29)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from tables.engine.dependencies import SchemaFault
from tables.engine.group_policy import read_limits, read_retry
from tables.engine.mapping import row_snapshot, run_input
from tables.engine.references import ColumnIndex
from tables.engine.types import ColumnSpec
from tables.engine.values import check_value
from tables.errors import GroupNotFound, LimitReached, RowNotFound, SchemaInvalid, ValueInvalid
from tables.models import Column, Row, Table, WorkflowGroup
from tables.selectors import group_spec, table_spec
from tables.services.autorun import group_auto_run, person
from tables.services.columns import columns_insert
from tables.services.schema_lock import name_clean, names_checked, schema_change
from tables.services.stopping import stop
from workflows.engine.expressions import ExpressionError, compile_expression
from workflows.errors import RunInputInvalid
from workflows.models import Run, Workflow
from workflows.services.runs import run_start
from workflows.services.versions import compiled_version, version_for_ref
from workspaces.actors import Actor
from workspaces.errors import Invalid, RunsheetError
from workspaces.services.audit import audit_record

MAX_INPUTS: Final = 100
_PATH: Final = re.compile(r"(result|blocks\.[A-Za-z0-9_-]+)(\.[^.\s]+)*\Z")
_MEANING: Final = ("workflow_id", "ref", "inputs", "depends_on", "condition", "timeout_seconds")
"""Fields whose change makes what a group filled before outdated (T29); its outputs count too."""


def group_create(
    *,
    table: Table,
    name: str,
    workflow: UUID,
    outputs: Sequence[Mapping[str, Any]],
    actor: Actor,
    ref: str = "live",
    inputs: Mapping[str, Any] | None = None,
    depends_on: Sequence[str] = (),
    condition: str = "",
    auto_run: bool = False,
    retry: Mapping[str, Any] | None = None,
    timeout_seconds: float | None = None,
    limits: Mapping[str, Any] | None = None,
) -> WorkflowGroup:
    """Add a workflow group.

    ``outputs``: ``[{"path": "result.title", "column": reference or {"name", "type"?, "options"?}}]``; new columns
    stand right of the group's existing ones, else at the table's end. ``inputs`` and ``depends_on`` name columns by
    id, key or name and are stored as ids.

    Raises ``SchemaInvalid`` (T1; its code says which rule), ``Invalid`` by field, ``NameTaken``, ``LimitReached``.
    """
    with schema_change(table.pk) as stored:
        if WorkflowGroup.objects.filter(table=stored).count() >= settings.RUNSHEET_MAX_GROUPS:
            raise LimitReached(f"A table has at most {settings.RUNSHEET_MAX_GROUPS} workflow groups.")
        group = WorkflowGroup(table=stored, workflow=_workflow_of(stored, workflow))
        given = {"name": name, "ref": ref, "condition": condition, "auto_run": auto_run, "retry": retry}
        given |= {"inputs": inputs or {}, "depends_on": depends_on, "limits": limits or {}}
        _assign(
            group, {**given, "timeout_seconds": timeout_seconds}, ColumnIndex(table_spec(stored.pk).columns)
        )
        with names_checked("workflow group"):
            group.save()
        _outputs_set(stored, group, outputs)
        audit_record(
            workspace_id=stored.workspace_id,
            actor=actor,
            action="group.created",
            target=group,
            after={**given, "workflow": str(workflow), "outputs": [dict(output) for output in outputs]},
        )
        if group.auto_run:
            group_auto_run(stored, group, person(actor))
    return group


def group_update(*, table: Table, group_id: UUID, actor: Actor, **changes: Any) -> WorkflowGroup:
    """Change any of the fields of ``group_create``. Columns no longer among the outputs become plain columns.

    What changes the meaning of its values raises the group's revision: completed cells are outdated, for a person to
    rerun. With auto_run on, by that or just now, rows that were never tried run (T29). Raises as ``group_create`` and
    ``GroupNotFound``.
    """
    with schema_change(table.pk) as stored:
        group = _group_of(stored, group_id)
        before = {
            field: getattr(group, field) for field in (*_MEANING, "name", "auto_run", "retry", "limits")
        }
        if "workflow" in changes:
            group.workflow = _workflow_of(stored, changes["workflow"])
        _assign(group, changes, ColumnIndex(table_spec(stored.pk).columns))
        moved = "outputs" in changes and _outputs_set(stored, group, changes["outputs"])
        means_other = moved or any(before[field] != getattr(group, field) for field in _MEANING)
        if means_other:
            group.revision += 1
        with names_checked("workflow group"):
            group.save()
        audit_record(
            workspace_id=stored.workspace_id,
            actor=actor,
            action="group.updated",
            target=group,
            before={**before, "workflow_id": str(before["workflow_id"])},
            after={
                field: str(value) if isinstance(value, UUID) else value for field, value in changes.items()
            },
        )
        if group.auto_run and (means_other or not before["auto_run"]):
            group_auto_run(stored, group, person(actor))
    return group


def group_delete(*, table: Table, group_id: UUID, actor: Actor) -> None:
    """Remove a group with its cells; what runs is stopped first (T5). Its columns stay, with their values, as plain
    ones. Raises ``GroupNotFound``.
    """
    with schema_change(table.pk) as stored:
        group = _group_of(stored, group_id)
        audit_record(
            workspace_id=stored.workspace_id,
            actor=actor,
            action="group.deleted",
            target=group,
            before={"name": group.name, "workflow": str(group.workflow_id)},
        )
        stop(table=stored, groups=[group.pk], deleted=True)
        group.columns.update(group=None, output_path="")
        group.delete()


def group_try(
    *,
    table: Table,
    row_id: UUID,
    workflow: UUID,
    actor: Actor,
    ref: str = "live",
    inputs: Mapping[str, Any] | None = None,
) -> Run:
    """Run a group's workflow on one row before the group is stored; its result is written nowhere.

    The fields are those of ``group_create``. Raises as it does, ``RowNotFound``, and ``RunInputInvalid``.
    """
    spec = table_spec(table.pk)
    group = WorkflowGroup(table=table, workflow=_workflow_of(table, workflow))
    _assign(group, {"ref": ref, "inputs": inputs or {}}, ColumnIndex(spec.columns))
    row = Row.objects.filter(table=table, pk=row_id).first()
    if row is None:
        raise RowNotFound
    version = version_for_ref(group.workflow, ref, actor)
    try:
        given = run_input(group_spec(group, spec.columns), row.data)
    except ExpressionError as error:
        raise RunInputInvalid(str(error)) from error
    read = row_snapshot(compiled_version(version.pk).references, spec, row.data)
    run, _ = run_start(workflow=group.workflow, version=version, input=given, row=read, actor=actor)
    return run


def _assign(group: WorkflowGroup, changes: Mapping[str, Any], index: ColumnIndex) -> None:
    """Check the fields given and set them on the unsaved group."""
    if "name" in changes:
        group.name = name_clean(changes["name"])
    if "inputs" in changes:
        group.inputs = _inputs(changes["inputs"], index)
    if "depends_on" in changes:
        group.depends_on = _dependencies(changes["depends_on"], index)
    if "condition" in changes:
        group.condition = (
            _expression(changes["condition"], "condition") if changes["condition"].strip() else ""
        )
    read_retry(changes.get("retry"))
    read_limits(changes.get("limits"))
    for field in ("ref", "auto_run", "retry", "limits", "timeout_seconds"):
        if field in changes:
            setattr(group, field, changes[field])
    if {"ref", "workflow"} & set(changes) or group._state.adding:
        _check_ref(group)


def _workflow_of(table: Table, workflow_id: UUID) -> Workflow:
    """A workflow of the table's own workspace; a foreign one is as unknown as one that never was (trust.md 9)."""
    workflow = Workflow.objects.filter(
        pk=workflow_id, workspace_id=table.workspace_id, archived_at__isnull=True
    ).first()
    if workflow is None:
        raise Invalid(errors={"workflow": ["There is no such workflow in this workspace."]})
    return workflow


def _check_ref(group: WorkflowGroup) -> None:
    try:
        version_for_ref(group.workflow, group.ref)
    except RunsheetError as fault:
        raise Invalid(fault.detail, errors={"ref": [fault.detail]}) from None


def _inputs(inputs: Mapping[str, Any], index: ColumnIndex) -> dict[str, Any]:
    if len(inputs) > MAX_INPUTS:
        raise Invalid(errors={"inputs": [f"A workflow group has at most {MAX_INPUTS} inputs."]})
    return {name: _input(source, index, f"inputs.{name}") for name, source in inputs.items()}


def _input(source: Any, index: ColumnIndex, place: str) -> dict[str, Any]:
    if not isinstance(source, Mapping) or len(source) != 1 or next(iter(source)) not in _INPUT_KINDS:
        raise Invalid(errors={place: ["Give one of {“column”: …}, {“expression”: …} or {“value”: …}."]})
    kind, value = next(iter(source.items()))
    if kind == "column":
        return {"column": str(_column(index, value, place, "dependency_missing").id)}
    if kind == "expression":
        return {"expression": _expression(value, place)}
    try:
        check_value(value, max_bytes=settings.RUNSHEET_MAX_CELL_BYTES)
    except ValueInvalid as fault:
        raise Invalid(errors={place: [fault.detail]}) from None
    return {"value": value}


_INPUT_KINDS: Final = ("column", "expression", "value")


def _dependencies(references: Sequence[str], index: ColumnIndex) -> list[str]:
    columns = [
        _column(index, each, f"depends_on[{place}]", "dependency_missing")
        for place, each in enumerate(references)
    ]
    return list(dict.fromkeys(str(column.id) for column in columns))


def _column(index: ColumnIndex, reference: Any, place: str, code: str) -> ColumnSpec:
    column = index.find(reference)
    if column is None:
        raise _fault(code, place, index.unknown(reference))
    return column


def _fault(code: str, field: str, message: str) -> SchemaInvalid:
    return SchemaInvalid([SchemaFault(code, None, field, message)])


def _expression(source: Any, place: str) -> str:
    if not isinstance(source, str):
        raise Invalid(errors={place: ["Give an expression as text, e.g. row.score > 40."]})
    try:
        references = compile_expression(source).references
    except ExpressionError as fault:
        raise Invalid(errors={place: [str(fault)]}) from None
    if foreign := sorted({str(path[0]) for path in references} - {"row"}):
        raise Invalid(errors={place: [f"Only row.<column> can be read here, not “{foreign[0]}”."]})
    return source


def _outputs_set(table: Table, group: WorkflowGroup, outputs: Sequence[Mapping[str, Any]]) -> bool:
    """Make exactly these the group's outputs; says whether anything changed. Raises ``Invalid`` naming the output."""
    index = ColumnIndex(table_spec(table.pk).columns)
    claimed: dict[UUID, str] = {}
    wanted: list[tuple[int, Mapping[str, Any], str]] = []
    for place, output in enumerate(outputs):
        path = _path(output["path"], f"outputs[{place}].path")
        if isinstance(output["column"], Mapping):
            wanted.append((place, output["column"], path))
            continue
        column = _column(index, output["column"], f"outputs[{place}].column", "output_missing")
        if column.id in claimed or column.group_id not in {None, group.pk}:
            words = f"“{column.name}” is filled already; a column has one source."
            raise _fault("output_claimed_twice", f"outputs[{place}].column", words)
        claimed[column.id] = path
    before = dict(group.columns.values_list("pk", "output_path"))
    Column.objects.filter(pk__in=set(before) - set(claimed)).update(group=None, output_path="")
    for column_id, path in claimed.items():
        Column.objects.filter(pk=column_id).update(group=group, output_path=path)
    _columns_add(table, group, wanted, index)
    return bool(wanted) or before != claimed


def _columns_add(
    table: Table,
    group: WorkflowGroup,
    wanted: Sequence[tuple[int, Mapping[str, Any], str]],
    index: ColumnIndex,
) -> None:
    """New output columns, right of the group's last one, else at the table's end."""
    last = Column.objects.filter(group=group).order_by("-ordinal").values_list("ordinal", flat=True).first()
    for place, column, path in wanted:
        ordinal = None if last is None else last + 1
        (made,) = _insert(table, column, ordinal, f"outputs[{place}].column")
        Column.objects.filter(pk=made.pk).update(group=group, output_path=path)
        last = made.ordinal


def _insert(table: Table, column: Mapping[str, Any], ordinal: int | None, place: str) -> list[Column]:
    if not isinstance(column.get("name"), str):
        raise Invalid(errors={f"{place}.name": ["Give the new column a name."]})
    try:
        return columns_insert(table, [column], ordinal=ordinal)
    except Invalid as fault:
        if not fault.errors:
            raise
        raise type(fault)(
            fault.detail, errors={f"{place}.{field}": words for field, words in fault.errors.items()}
        ) from None


def _path(path: Any, place: str) -> str:
    if not isinstance(path, str) or len(path) > 512 or not _PATH.match(path):
        raise Invalid(errors={place: ["Give a path under result or blocks.<key>, e.g. result.title."]})
    return path


def _group_of(table: Table, group_id: UUID) -> WorkflowGroup:
    group = WorkflowGroup.objects.select_related("workflow").filter(table=table, pk=group_id).first()
    if group is None:
        raise GroupNotFound
    return group
