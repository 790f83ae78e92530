"""Running again what failed of a dispatch: those cells, however many, and no others (T14, T24)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tables.models import Dispatch, RowExecution
from tables.services.dispatches import dispatch_start
from tables.services.stopping import dispatch_stop
from tables.states import Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, probing_table
from tests.bed.running import Inbox, Probe, Worker
from tests.integration.tables.clients import V1, TableClient, client_make
from workspaces.models import AuditEvent
from workspaces.states import Role, Scope

ROWS = 60
FIRST = {f"n{number}" for number in range(10)}

pytestmark = pytest.mark.rule("T10")


@pytest.fixture(autouse=True)
def small_windows(settings: Any, worker: Worker) -> None:
    settings.RUNSHEET_WINDOW_ROWS = 5
    settings.RUNSHEET_STORM_FAILURES = 0
    worker.start(slots=1)


@pytest.fixture
def editor() -> TableClient:
    return client_make("acme")


def failing(*names: str) -> Any:
    """A probe that refuses these rows."""

    def does(tag: Any, _context: Any) -> Any:
        if tag in names:
            raise ValueError("no")
        return tag

    return does


def ran(inbox: Inbox, sheet: Sheet, **wish: Any) -> Dispatch:
    found = dispatch_start(table=sheet.table, **wish).dispatch
    assert found is not None
    inbox.run_all()
    return Dispatch.objects.get(id=found.id)


def retry(client: TableClient, dispatch: UUID, **body: Any) -> Any:
    return client.post(f"{V1}/dispatches/{dispatch}/retry-failed/", body, format="json")


def two_runs(inbox: Inbox, probe: Probe, editor: TableClient) -> tuple[Sheet, Dispatch, Dispatch]:
    """Half of all rows failed long ago; then the first ten were run, of which one failed."""
    sheet = probing_table(ROWS, workspace=editor.workspace)
    probe.does = failing(*(f"n{number}" for number in range(10, ROWS, 2)))
    older = ran(inbox, sheet, mode=Mode.ALL)
    probe.does = failing("n3")
    newer = ran(inbox, sheet, mode=Mode.ALL, limit=10)
    assert (older.failed, newer.failed) == (25, 1)
    probe.does = failing()
    probe.calls.clear()
    return sheet, older, newer


def test_it_runs_what_failed_in_that_dispatch_and_no_older_failures(
    inbox: Inbox, probe: Probe, editor: TableClient
) -> None:
    _, older, newer = two_runs(inbox, probe, editor)

    answer = retry(editor, newer.id)
    inbox.run_all()

    shown = answer.json()
    assert (answer.status_code, shown["mode"], shown["scope"]) == (
        202,
        "failed",
        {"failed_of": str(newer.id)},
    )
    assert set(probe.counts()) == {"n3"}
    found = check_account(UUID(shown["id"]), rows=1)
    assert (found.status, found.completed, found.rows_total) == ("complete", 1, 1)
    assert RowExecution.objects.filter(status="failed").count() == older.failed
    written = AuditEvent.objects.get(action="dispatch.failed_retried")
    assert (written.target_id, written.after["failed_of"]) == (str(found.id), str(newer.id))
    check_quiet()


def test_it_reaches_failures_all_over_the_table_window_by_window(
    inbox: Inbox, probe: Probe, editor: TableClient
) -> None:
    sheet, older, _ = two_runs(inbox, probe, editor)

    found = retry(editor, older.id).json()["id"]
    inbox.run_all()

    assert set(probe.counts()) == {f"n{number}" for number in range(10, ROWS, 2)}
    assert max(probe.counts().values()) == 1
    assert check_account(UUID(found), rows=25).completed == 25
    assert sheet.values("a")[10:] == [f"n{number}" for number in range(10, ROWS)]
    check_quiet()


def test_of_an_imports_run_it_takes_only_the_imported_rows(
    inbox: Inbox, probe: Probe, editor: TableClient
) -> None:
    sheet = probing_table(ROWS, workspace=editor.workspace)
    probe.does = failing(*(f"n{number}" for number in range(0, ROWS, 3)))
    ran(inbox, sheet, mode=Mode.ALL)
    rows = list(sheet.table.rows.order_by("seq").values_list("seq", flat=True))
    newer = ran(inbox, sheet, mode=Mode.ALL, rows={"seq_from": rows[30], "seq_to": rows[-1]})
    probe.does = failing()
    probe.calls.clear()

    retry(editor, newer.id)
    inbox.run_all()

    assert set(probe.counts()) == {f"n{number}" for number in range(30, ROWS, 3)}


def test_a_dry_run_counts_them_and_starts_nothing(inbox: Inbox, probe: Probe, editor: TableClient) -> None:
    sheet, older, newer = two_runs(inbox, probe, editor)
    group = str(sheet.groups["A"].id)

    for dispatch, count in ((older, 25), (newer, 1)):
        answer = retry(editor, dispatch.id, dry_run=True)
        plan = answer.json()
        assert (answer.status_code, plan["rows"], plan["exact"]) == (200, count, True)
        assert plan["groups"][group]["run"] == count

    assert Dispatch.objects.count() == 2
    assert not inbox.waiting


def test_what_was_run_since_is_left_alone(inbox: Inbox, probe: Probe, editor: TableClient) -> None:
    sheet, older, newer = two_runs(inbox, probe, editor)
    ran(inbox, sheet, mode=Mode.FAILED)
    probe.calls.clear()

    for dispatch in (older, newer):
        answer = retry(editor, dispatch.id)
        assert (answer.status_code, answer.json()["dispatch"]) == (200, None)

    inbox.run_all()
    assert not probe.calls
    assert Dispatch.objects.count() == 3


def test_a_second_press_answers_the_one_under_way(inbox: Inbox, probe: Probe, editor: TableClient) -> None:
    _, older, _ = two_runs(inbox, probe, editor)

    first = retry(editor, older.id)
    inbox.deliver(inbox.take())  # prepared, and a window handed over
    second = retry(editor, older.id)
    inbox.run_all()

    assert (second.status_code, second.json()["id"]) == (202, first.json()["id"])
    assert check_account(UUID(first.json()["id"])).completed == 25


@pytest.mark.rule("T24")
def test_a_stop_leaves_the_rest_of_it_failed(inbox: Inbox, probe: Probe, editor: TableClient) -> None:
    _, older, _ = two_runs(inbox, probe, editor)
    started = UUID(retry(editor, older.id).json()["id"])
    inbox.deliver(inbox.take())
    handed_over = Dispatch.objects.get(id=started).rows_handed_over
    assert 0 < handed_over < 25

    dispatch_stop(Dispatch.objects.get(id=started))
    inbox.run_all()

    assert Dispatch.objects.get(id=started).status == "cancelled"
    left = RowExecution.objects.filter(status="failed", dispatch_id=older.id).count()
    assert left == 25 - handed_over
    assert retry(editor, older.id, dry_run=True).json()["rows"] == left
    check_quiet()


def test_it_is_shown_ahead_on_the_rows_it_will_run(inbox: Inbox, probe: Probe, editor: TableClient) -> None:
    sheet, _, newer = two_runs(inbox, probe, editor)
    retry(editor, newer.id)

    shown = editor.rows(f"{V1}/tables/{sheet.table.pk}")

    group = str(sheet.groups["A"].id)
    ahead = [row["data"]["name"] for row in shown if "ahead" in row["cells"][group]]
    assert ahead == ["n3"]


def test_only_who_may_run_may_do_it_and_only_here(inbox: Inbox, probe: Probe, editor: TableClient) -> None:
    _, _, newer = two_runs(inbox, probe, editor)
    viewer = client_make("watching", role=Role.VIEWER, scope=Scope.READ)

    assert retry(viewer, newer.id).status_code in (403, 404)
    assert retry(client_make("elsewhere"), newer.id).status_code == 404
    assert retry(editor, newer.id, groups=[]).json()["errors"] == {"groups": ["Unknown field."]}
    editor.delete(f"{V1}/tables/{newer.table_id}/")
    assert retry(editor, newer.id).status_code == 404
