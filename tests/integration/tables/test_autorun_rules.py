"""What starts by itself after a change, and what is outdated by it (T29)."""

from __future__ import annotations

from typing import Any

import pytest

from tables.engine.upserting import UpsertMode
from tables.models import Dispatch, RowExecution, Table
from tables.row_list import rows_named
from tables.selectors import table_spec
from tables.services.groups import group_create, group_update
from tables.services.rows import rows_insert
from tables.services.upserting import rows_upsert_by
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, chain, probing, probing_chain, sheet_make, workflow_make
from tests.bed.running import Inbox, Probe
from tests.integration.tables.clients import ACTOR
from tests.integration.tables.parked import cell, start, statuses
from workflows.services.definitions import publish, workflow_update

pytestmark = pytest.mark.usefixtures("worker")


def automatic() -> list[Dispatch]:
    """What started by itself."""
    return list(Dispatch.objects.filter(is_manual=False).order_by("id"))


def change(sheet: Sheet, **changes: Any) -> None:
    group_update(table=sheet.table, group_id=sheet.groups["A"].id, actor=ACTOR, **changes)


def is_outdated(sheet: Sheet, name: str = "A") -> bool:
    (shown, *_) = rows_named(table_spec(sheet.table.id), sheet.rows)
    return bool(shown["cells"][str(sheet.groups[name].id)].get("outdated"))


def revised(sheet: Sheet, name: str = "A") -> int:
    sheet.groups[name].refresh_from_db()
    return sheet.groups[name].revision


@pytest.mark.rule("T29")
@pytest.mark.bug("a CSV import that runs the old rows")
def test_rows_that_are_added_run_and_nothing_else_does(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_chain(3, auto_run=True)
    rows_insert(table=sheet.table, rows=[{"name": "x"}, {"name": "y"}], actor=ACTOR)
    inbox.run_all()
    assert sheet.values("b") == [None, None, None, "B:x", "B:y"]
    assert check_account(automatic()[0].id, rows=2).completed == 4
    assert len(automatic()) == 1


@pytest.mark.rule("T29", "T28")
def test_an_upsert_by_a_person_runs_what_it_touched_in_one_dispatch(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_chain(3, auto_run=True)
    sheet.column("score", "number")
    start(sheet)
    inbox.run_all()
    group_update(
        table=sheet.table, group_id=sheet.groups["A"].id, actor=ACTOR, depends_on=["name"], inputs={}
    )
    done = rows_upsert_by(
        table=sheet.table,
        rows=[{"name": "n0", "a": "typed"}, {"name": "n1", "score": 1}, {"name": "n2"}, {"name": "n3"}],
        key="name",
        mode=UpsertMode.UPSERT,
        actor=ACTOR,
    )
    assert (done.inserted, done.updated, done.unchanged, done.missing) == (1, 2, 1, 0)
    (dispatch,) = automatic()
    assert dispatch.scope["rows"] == [str(done.ids[3]), str(done.ids[0]), str(done.ids[1])]
    inbox.run_all()
    assert sheet.values("a") == ["typed", "A:n1", "A:n2", "A:n3"]
    assert probe.counts() == {
        "A:n0": 1,
        "B:n0": 2,
        "A:n1": 1,
        "B:n1": 1,
        "A:n2": 1,
        "B:n2": 1,
        "A:n3": 1,
        "B:n3": 1,
    }
    assert sheet.table.rows.get(data__name="n0").edited == ["a"]
    check_quiet()


@pytest.mark.rule("T29")
def test_a_group_that_is_added_runs_by_itself_over_the_whole_table(inbox: Inbox, probe: Probe) -> None:
    sheet = sheet_make()
    sheet.column("name")
    sheet.fill([{"name": "x"}, {"name": ""}, {"name": "y"}])
    workflow = workflow_make(sheet.workspace, chain(probing("call")))
    given: dict[str, Any] = {
        "table": sheet.table,
        "workflow": workflow.id,
        "depends_on": ["name"],
        "actor": ACTOR,
    }
    group_create(name="off", outputs=[{"path": "result", "column": {"name": "one"}}], **given)
    assert not automatic()
    group_create(name="on", outputs=[{"path": "result", "column": {"name": "two"}}], auto_run=True, **given)
    inbox.run_all()
    assert sheet.values("two") == ["x", None, "y"]
    assert sheet.values("one") == [None] * 3
    assert check_account(automatic()[0].id, rows=3).completed == 2


@pytest.mark.rule("T29")
def test_an_empty_table_has_nothing_to_run(inbox: Inbox) -> None:
    sheet = probing_chain(0)
    change(sheet, auto_run=True)
    assert not automatic()
    assert not inbox.waiting


@pytest.mark.rule("T29")
def test_auto_run_that_is_switched_on_runs_what_was_never_tried(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_chain(2)
    start(sheet, rows=[sheet.rows[0]])
    inbox.run_all()
    change(sheet, auto_run=True)
    inbox.run_all()
    assert [statuses(sheet, row) for row in (0, 1)] == [
        {"A": "completed", "B": "completed"},
        {"A": "completed"},
    ]
    assert probe.counts()["A:n0"] == 1
    change(sheet, auto_run=False)
    change(sheet, name="A again", auto_run=False)
    assert len(automatic()) == 1


@pytest.mark.rule("T29")
@pytest.mark.parametrize(
    "saved",
    [
        {},
        {"auto_run": True},
        {"depends_on": ["name"], "inputs": {}, "condition": "", "ref": "live"},
        {"name": "Z"},
    ],
    ids=["nothing", "the switch", "the meaning", "the name"],
)
def test_saving_a_group_without_a_change_starts_nothing_and_outdates_nothing(
    saved: dict[str, Any], inbox: Inbox, probe: Probe
) -> None:
    sheet = probing_chain(2, auto_run=True)
    start(sheet, rows=[sheet.rows[0]])
    inbox.run_all()
    before = revised(sheet)
    outputs = [{"path": "result", "column": "a"}]
    change(sheet, **saved, outputs=outputs, workflow=sheet.groups["A"].workflow_id)
    assert not automatic()
    assert revised(sheet) == before
    assert not is_outdated(sheet)


@pytest.mark.rule("T29")
@pytest.mark.parametrize("auto_run", [False, True], ids=["by hand", "auto"])
@pytest.mark.parametrize("what", ["workflow", "inputs", "depends_on", "condition", "outputs", "ref"])
def test_a_group_that_means_something_else_outdates_what_it_filled(
    what: str, auto_run: bool, inbox: Inbox, probe: Probe
) -> None:
    """Completed cells stay for a person to rerun; only with auto_run on the rows that were never tried run."""
    sheet = probing_chain(2, auto_run=auto_run)
    start(sheet, rows=[sheet.rows[0]])
    inbox.run_all()
    other = workflow_make(sheet.workspace, chain(probing("call")))
    publish(workflow=sheet.groups["A"].workflow, ref="beta", actor=ACTOR)
    given: dict[str, Any] = {
        "workflow": other.id,
        "inputs": {"n": {"value": 1}},
        "depends_on": ["name", "before"],
        "condition": "row.name == 'n1'",
        "outputs": [{"path": "result.text", "column": "a"}],
        "ref": "beta",
    }
    if what == "depends_on":
        sheet.column("before")
        sheet.columns["before"].ordinal = 0
        sheet.columns["name"].ordinal = 1
        for place, key in enumerate(["before", "name", "a", "b"]):
            sheet.columns[key].ordinal = place
            sheet.columns[key].save()
    change(sheet, **{what: given[what]})
    assert revised(sheet) == 2
    assert is_outdated(sheet)
    assert not is_outdated(sheet, "B")
    assert [(d.mode, d.groups, d.scope) for d in automatic()] == (
        [("new", [sheet.groups["A"].id], {})] if auto_run else []
    )
    inbox.run_all()
    assert probe.counts()["A:n0"] == 1
    assert statuses(sheet)["A"] == "completed"


@pytest.mark.rule("T29")
def test_a_version_that_is_published_outdates_what_the_one_before_filled_and_runs_nothing(
    inbox: Inbox, probe: Probe
) -> None:
    sheet = probing_chain(1, auto_run=True)
    start(sheet)
    inbox.run_all()
    workflow, schema = sheet.groups["A"].workflow, Table.objects.get().schema_version
    publish(workflow=workflow, ref="beta", actor=ACTOR)
    assert not is_outdated(sheet), "another ref"
    workflow_update(workflow=workflow, actor=ACTOR, definition=chain(probing("call", "A2:{{ row.name }}")))
    assert not is_outdated(sheet), "a draft"
    publish(workflow=workflow, ref="live", actor=ACTOR)
    assert is_outdated(sheet)
    assert not is_outdated(sheet, "B")
    assert Table.objects.get().schema_version == schema + 1
    assert not automatic()
    assert not inbox.waiting
    publish(workflow=workflow, ref="live", actor=ACTOR)
    assert revised(sheet) == 2, "the same version once more"
    start(sheet)
    inbox.run_all()
    assert not is_outdated(sheet)
    assert sheet.values("a") == ["A2:n0"]


@pytest.mark.rule("T29")
def test_a_pack_under_way_runs_the_version_that_its_cells_say(inbox: Inbox, probe: Probe) -> None:
    """A version published while a pack runs: what starts afterwards runs it, and is not outdated."""
    sheet = probing_chain(1)
    second = sheet.groups["B"].workflow

    def meanwhile(tag: str, _context: Any) -> str:
        if tag == "A:n0":
            workflow_update(
                workflow=second, actor=ACTOR, definition=chain(probing("call", "B2:{{ row.name }}"))
            )
            publish(workflow=second, ref="live", actor=ACTOR)
        return tag

    probe.does = meanwhile
    start(sheet)
    inbox.run_all()
    assert sheet.values("b") == ["B2:n0"]
    assert cell(sheet, "B").group_revision == revised(sheet, "B") == 2
    assert not RowExecution.objects.filter(group_revision=1, group=sheet.groups["B"]).exists()


@pytest.mark.rule("T29", "T11")
def test_what_starts_by_itself_leaves_a_chain_that_was_asked_for_whole(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_chain(1)
    dispatch = start(sheet)
    inbox.deliver(inbox.take())
    handed_over = inbox.take()
    change(sheet, auto_run=True)
    assert len(automatic()) == 1
    inbox.run_all()
    assert statuses(sheet) == {"A": "pending"}
    inbox.deliver(handed_over)
    inbox.run_all()
    assert sheet.values("b") == ["B:n0"]
    assert check_account(dispatch, rows=1).completed == 2
    check_quiet()
