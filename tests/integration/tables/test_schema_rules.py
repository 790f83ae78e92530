"""The rules of a schema under everything that can be done to it, alone and at once (T1, T2, T3)."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tests.bed.factories import chain, greeting_chain, setting, sheet_make, workflow_make
from tests.integration.tables.clients import ACTOR

pytestmark = pytest.mark.django_db


def stored(table_id: UUID) -> dict[str, Any]:
    """A table's schema as it lies in the database."""
    from tables.models import Column, Table, WorkflowGroup

    return {
        "columns": list(Column.objects.filter(table=table_id).order_by("ordinal").values()),
        "groups": list(WorkflowGroup.objects.filter(table=table_id).order_by("id").values()),
        "table": Table.objects.filter(id=table_id).values("schema_version", "retired_keys", "layout").get(),
    }


def broken_rules(schema: dict[str, Any]) -> list[str]:
    """T1 once more, written from the rows alone."""
    columns, faults = schema["columns"], []
    places = {str(column["id"]): place for place, column in enumerate(columns)}
    if [column["ordinal"] for column in columns] != list(range(len(columns))):
        faults.append("ordinals are not dense")
    if len({column["key"] for column in columns} | set(schema["table"]["retired_keys"])) != len(
        columns
    ) + len(schema["table"]["retired_keys"]):
        faults.append("a key is given twice")
    for group in schema["groups"]:
        own = [place for place, column in enumerate(columns) if column["group_id"] == group["id"]]
        read = [*group["depends_on"], *(s["column"] for s in group["inputs"].values() if "column" in s)]
        if not own:
            faults.append("a group without outputs")
        elif own != list(range(own[0], own[-1] + 1)):
            faults.append("outputs are apart")
        if any(each not in places for each in read):
            faults.append("a group reads a column that is gone")
        elif own and any(places[each] >= own[0] for each in read):
            faults.append("a group reads what is not left of it")
        if group["auto_run"] and not group["depends_on"]:
            faults.append("auto-run without a dependency")
    return faults


class Changes:
    """Random changes of one table's schema, most of them allowed, some not."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.sheet = sheet_make()
        self.workflow = workflow_make(self.sheet.workspace, chain(setting("greet", "Hello")))
        for key in ("a", "b", "c", "d"):
            self.sheet.column(key)
        self.count = 0

    def ids(self) -> list[str]:
        return [str(column["id"]) for column in stored(self.sheet.table.pk)["columns"]]

    def some(self, most: int) -> list[str]:
        ids = self.ids()
        return self.draw.sample(ids, min(self.draw.randint(0, most), len(ids)))

    def named(self) -> str:
        self.count += 1
        return f"{self.draw.choice('xyz')}{self.count}"

    def outputs(self) -> list[dict[str, Any]]:
        new: list[Any] = [{"name": self.named()} for _ in range(self.draw.randint(0, 2))]
        wanted = [*new, *self.some(1)] or self.some(2)
        return [{"path": "result.value", "column": column} for column in wanted]

    def group(self) -> Any:
        from tables.models import WorkflowGroup

        groups = list(WorkflowGroup.objects.filter(table=self.sheet.table).order_by("id"))
        return self.draw.choice(groups).pk if groups else UUID(int=0)

    def one(self) -> Callable[[], Any]:
        """The next change."""
        from tables.services import columns, groups, schema

        given: dict[str, Any] = {"table": self.sheet.table, "actor": ACTOR}
        ids, name, group = self.ids(), self.named(), self.group()
        column = UUID(self.draw.choice(ids)) if ids else UUID(int=0)
        order = [UUID(each) for each in self.draw.sample(ids, len(ids))]
        if len(ids) > 1 and self.draw.random() < 0.6:  # one column moved, as people do
            order = [UUID(each) for each in ids]
            order.insert(self.draw.randrange(len(ids)), order.pop(self.draw.randrange(len(ids))))
        depends_on, outputs, auto_run = self.some(2), self.outputs(), self.draw.random() < 0.4
        inputs = {f"i{place}": {"column": each} for place, each in enumerate(self.some(2))}
        ordinal = self.draw.randint(0, len(ids))
        return self.draw.choice(
            [
                lambda: columns.column_create(**given, name=name, ordinal=ordinal),
                lambda: columns.column_update(**given, column_id=column, name=name),
                lambda: columns.column_delete(**given, column_id=column),
                lambda: schema.layout_set(**given, order=order),
                lambda: schema.layout_set(**given, order=order),
                lambda: groups.group_create(
                    **given,
                    name=name,
                    workflow=self.workflow.pk,
                    outputs=outputs,
                    depends_on=depends_on,
                    inputs=inputs,
                    auto_run=auto_run,
                ),
                lambda: groups.group_create(
                    **given, name=name, workflow=self.workflow.pk, outputs=outputs, depends_on=ids[:1]
                ),
                lambda: groups.group_update(
                    **given, group_id=group, depends_on=depends_on, auto_run=auto_run
                ),
                lambda: groups.group_update(**given, group_id=group, outputs=outputs),
                lambda: groups.group_update(**given, group_id=group, inputs=inputs),
                lambda: groups.group_delete(**given, group_id=group),
            ]
        )


@pytest.mark.rule("T1", "T2")
@pytest.mark.parametrize("seed", range(6))
def test_after_any_change_every_rule_holds_or_nothing_has_changed(seed: int) -> None:
    from workspaces.errors import RunsheetError

    changes = Changes(seed)
    done = refused = 0
    for _ in range(40):
        before = stored(changes.sheet.table.pk)
        change = changes.one()
        try:
            change()
        except RunsheetError:
            refused += 1
            assert stored(changes.sheet.table.pk) == before
            continue
        done += 1
        after = stored(changes.sheet.table.pk)
        assert broken_rules(after) == []
        assert after["table"]["schema_version"] == before["table"]["schema_version"] + 1
    assert done > 5
    assert refused > 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("T1", "T3")
@pytest.mark.bug("parallel schema edits losing one")
@pytest.mark.parametrize("seed", range(3))
def test_changes_at_once_end_as_if_one_came_after_the_other(two_connections: Any, seed: int) -> None:
    from workspaces.errors import RunsheetError

    changes = Changes(seed)
    for _ in range(6):
        changes_now = [changes.one() for _ in range(3)]
        before = stored(changes.sheet.table.pk)["table"]["schema_version"]

        outcomes = two_connections(*changes_now)

        errors = [outcome.error for outcome in outcomes if outcome.error]
        assert all(isinstance(error, RunsheetError) for error in errors), errors
        after = stored(changes.sheet.table.pk)
        assert broken_rules(after) == []
        assert after["table"]["schema_version"] == before + len(outcomes) - len(errors)


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("T3")
@pytest.mark.bug("parallel schema edits losing one")
def test_different_people_changing_a_schema_at_once_all_find_their_change(two_connections: Any) -> None:
    from tables.models import Column, Table, WorkflowGroup
    from tables.services.columns import column_create, column_update
    from tables.services.groups import group_update
    from tables.services.schema import layout_set

    sheet = greeting_chain(rows=1)
    given: dict[str, Any] = {"table": sheet.table, "actor": ACTOR}
    name, a = sheet.columns["name"].pk, sheet.columns["a"].pk

    outcomes = two_connections(
        lambda: column_update(**given, column_id=name, name="Who"),
        lambda: column_update(**given, column_id=name, options={"long": True}),
        lambda: column_create(**given, name="New", ordinal=0),
        lambda: layout_set(**given, widths={str(name): 99}),
        lambda: layout_set(**given, hidden=[str(a)]),
        lambda: group_update(**given, group_id=sheet.groups["A"].pk, depends_on=[str(name)]),
    )

    assert [outcome.error for outcome in outcomes] == [None] * 6
    assert broken_rules(stored(sheet.table.pk)) == []
    column = Column.objects.get(pk=name)
    assert (column.name, column.options) == ("Who", {"long": True})
    assert Column.objects.get(table=sheet.table, ordinal=0).name == "New"
    assert Table.objects.get().layout == {"widths": {str(name): 99}, "hidden": [str(a)]}
    assert WorkflowGroup.objects.get(name="A").depends_on == [str(name)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("T2", "T5")
def test_the_last_output_takes_its_group_its_cells_and_what_runs_on_them(
    inbox: Any, worker: Any, probe: Any
) -> None:
    from tables.models import Row, RowExecution, WorkflowGroup
    from tables.services.columns import column_delete
    from tables.services.dispatches import dispatch_start
    from tables.states import Mode
    from tests.bed.factories import probing_table
    from workflows.models import Run

    sheet = probing_table(rows=2)

    def delete_at_first(tag: Any, _context: Any) -> Any:
        if WorkflowGroup.objects.exists():
            column_delete(table=sheet.table, column_id=sheet.columns["a"].pk, actor=ACTOR)
        return tag

    probe.does = delete_at_first
    worker.start()
    dispatch_start(table=sheet.table, mode=Mode.ALL)
    inbox.run_all()

    assert not WorkflowGroup.objects.exists()
    assert not RowExecution.objects.exists()
    assert [row.data for row in Row.objects.order_by("position")] == [{"name": "n0"}, {"name": "n1"}]
    assert set(Run.objects.values_list("status", flat=True)) <= {"cancelled"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("T2", "W5")
def test_an_expression_that_names_a_deleted_column_fails_by_name_and_reads_no_ghost(
    inbox: Any, worker: Any
) -> None:
    from tables.services.columns import column_delete
    from tables.services.dispatches import dispatch_start
    from tables.states import Mode

    sheet = sheet_make()
    for key in ("name", "city", "empty"):
        sheet.column(key)
    greet = chain(setting("greet", "{{ input.who }}"))
    for name, source in (("Gone", "row.city"), ("Null", "row.empty"), ("Held", "row.name")):
        sheet.group(
            name, greet, outputs={name.lower(): "result.value"}, inputs={"who": {"expression": source}}
        )
    condition = "row.city == 'Ulm'"
    sheet.group("Asked", greet, outputs={"asked": "result.value"}, condition=condition)
    sheet.fill([{"name": "Ada", "city": "Ulm"}])
    column_delete(table=sheet.table, column_id=sheet.columns["city"].pk, actor=ACTOR)

    worker.start()
    dispatch_start(table=sheet.table, mode=Mode.ALL)
    inbox.run_all()

    cells = {name: cell for (_, name), cell in sheet.cells().items()}
    assert {name: cell.status for name, cell in cells.items()} == {
        "Gone": "failed",
        "Asked": "failed",
        "Null": "completed",
        "Held": "completed",
    }
    assert (cells["Gone"].error["code"], cells["Asked"].error["code"]) == ("input_error", "condition_error")
    assert "row.city" in cells["Gone"].error["message"]
    assert sheet.values("held") == ["Ada"]
