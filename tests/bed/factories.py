"""Small things made straight from models, for tests that are about something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.db.models import F

from tables.engine.ordering import keys_after
from tables.models import Column, Row, Table, WorkflowGroup
from workflows.models import Workflow, WorkflowRef, WorkflowVersion
from workspaces.ids import uuid7
from workspaces.models import Workspace


def chain(*blocks: Mapping[str, Any]) -> dict[str, Any]:
    """A definition of blocks in a row; each a mapping with at least ``key`` and ``type``."""
    keys = [block["key"] for block in blocks]
    edges = [{"from": a, "handle": "source", "to": b} for a, b in pairwise(keys)]
    return {"blocks": [{"name": "", "config": {}, **block} for block in blocks], "edges": edges}


def setting(key: str, value: str) -> dict[str, Any]:
    """A ``set`` block whose field ``value`` is that template."""
    return {"key": key, "type": "set", "config": {"fields": {"value": value}}}


def workspace_make(name: str = "Acme") -> Workspace:
    """A workspace with a name of its own."""
    return Workspace.objects.create(name=name, slug=f"w-{uuid7().hex[-12:]}")


def workflow_make(workspace: Workspace, definition: Mapping[str, Any], name: str = "") -> Workflow:
    """A workflow whose ``live`` is this definition."""
    workflow = Workflow.objects.create(
        workspace=workspace, name=name or f"wf-{uuid7().hex[-8:]}", draft=definition
    )
    version = WorkflowVersion.objects.create(
        workflow=workflow, number=1, content_hash=uuid7().hex, definition=definition
    )
    WorkflowRef.objects.create(workflow=workflow, name="live", version=version)
    return workflow


@dataclass
class Sheet:
    """A table with what was made for it. ``groups`` by name, ``rows`` in order."""

    workspace: Workspace
    table: Table
    columns: dict[str, Column] = field(default_factory=dict)
    groups: dict[str, WorkflowGroup] = field(default_factory=dict)
    rows: list[UUID] = field(default_factory=list)

    def column(self, key: str, type: str = "text", **more: Any) -> Column:  # noqa: A002
        """Add a column at the end."""
        made = Column.objects.create(
            table=self.table, key=key, name=key.title(), type=type, ordinal=len(self.columns), **more
        )
        self.columns[key] = made
        Table.objects.filter(id=self.table.id).update(schema_version=F("schema_version") + 1)
        return made

    def group(
        self,
        name: str,
        definition: Mapping[str, Any],
        *,
        outputs: Mapping[str, str],
        depends_on: Sequence[str] = (),
        inputs: Mapping[str, Any] | None = None,
        types: Mapping[str, str] | None = None,
        **more: Any,
    ) -> WorkflowGroup:
        """Add a workflow group at the end; ``outputs`` maps new column keys to result paths."""
        made = WorkflowGroup.objects.create(
            table=self.table,
            name=name,
            workflow=workflow_make(self.workspace, definition),
            depends_on=[str(self.columns[key].id) for key in depends_on],
            inputs=inputs or {},
            **more,
        )
        for key, path in outputs.items():
            self.column(key, (types or {}).get(key, "text"), group=made, output_path=path)
        self.groups[name] = made
        return made

    def fill(self, rows: Sequence[Mapping[str, Any]]) -> list[UUID]:
        """Append rows."""
        last = (
            Row.objects.filter(table=self.table)
            .order_by("-position")
            .values_list("position", flat=True)
            .first()
        )
        positions = keys_after(last, len(rows))
        made = Row.objects.bulk_create(
            Row(table=self.table, data=dict(data), position=position)
            for data, position in zip(rows, positions, strict=True)
        )
        Table.objects.filter(id=self.table.id).update(row_count=Row.objects.filter(table=self.table).count())
        self.table.refresh_from_db()
        self.rows += [row.id for row in made]
        return [row.id for row in made]

    def cells(self) -> dict[tuple[UUID, str], Any]:
        """Cells by ``(row, group name)``, fresh from the database."""
        names = {group.id: name for name, group in self.groups.items()}
        return {(cell.row_id, names[cell.group_id]): cell for cell in self.table.cells.all()}

    def values(self, key: str) -> list[Any]:
        """A column's values in the table's order."""
        return [row.data.get(key) for row in Row.objects.filter(table=self.table).order_by("position", "id")]


def sheet_make(workspace: Workspace | None = None, name: str = "") -> Sheet:
    """An empty table."""
    workspace = workspace or workspace_make()
    return Sheet(
        workspace, Table.objects.create(workspace=workspace, name=name or f"sheet-{uuid7().hex[-8:]}")
    )


def greeting_chain(rows: int = 5, workspace: Workspace | None = None) -> Sheet:
    """Three chained groups over ``name``: A greets, B shouts what A says, C counts what B shouts."""
    sheet = sheet_make(workspace)
    sheet.column("name")
    sheet.group("A", chain(setting("greet", "Hello {{ row.name }}")), outputs={"a": "result.value"})
    sheet.group(
        "B", chain(setting("shout", "{{ row.a|upper }}")), outputs={"b": "result.value"}, depends_on=["a"]
    )
    sheet.group(
        "C",
        chain(setting("count", "{{ row.b|length }}")),
        outputs={"c": "result.value"},
        depends_on=["b"],
        types={"c": "number"},
    )
    sheet.fill([{"name": f"n{i}"} for i in range(rows)])
    return sheet


def probing(
    key: str, tag: str = "{{ row.name }}", *, effect: str = "repeatable", **more: Any
) -> dict[str, Any]:
    """A ``python`` block that calls a probe of `tests.bed.running`: what it does, and counts, is the test's affair."""
    return {
        "key": key,
        "type": "python",
        "config": {"function": f"probe_{effect}", "arguments": {"tag": tag}},
        **more,
    }


def probing_table(
    rows: int = 3, *, effect: str = "repeatable", workspace: Workspace | None = None, **more: Any
) -> Sheet:
    """One group A whose only block calls a probe with the row's name; its answer fills column ``a``."""
    sheet = sheet_make(workspace)
    sheet.column("name")
    sheet.group("A", chain(probing("call", effect=effect, **more)), outputs={"a": "result"})
    sheet.fill([{"name": f"n{i}"} for i in range(rows)])
    return sheet


def probing_chain(rows: int = 3, *, effect: str = "repeatable", auto_run: bool = False) -> Sheet:
    """Two chained groups that call probes with ``A:<name>`` and ``B:<name>``."""
    sheet = sheet_make()
    sheet.column("name")
    for name, source in (("A", "name"), ("B", "a")):
        sheet.group(
            name,
            chain(probing("call", f"{name}:{{{{ row.name }}}}", effect=effect)),
            outputs={name.lower(): "result"},
            depends_on=[source],
            auto_run=auto_run,
        )
    sheet.fill([{"name": f"n{i}"} for i in range(rows)])
    return sheet
