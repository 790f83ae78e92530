"""A run whose cells fail one after the other stops itself, and goes on where it stood when a person says so."""

from __future__ import annotations

from typing import Any

import pytest

from tables.models import Dispatch, RowExecution
from tables.services.dispatches import dispatch_start
from tables.services.reaping import dispatches_continue
from tables.services.stopping import dispatch_stop
from tables.states import Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import probing_table
from tests.bed.running import Inbox, Probe, Worker
from tests.integration.tables.clients import V1, TableClient, client_make

ROWS, WINDOW, MOST = 60, 5, 12


@pytest.fixture(autouse=True)
def guard(settings: Any, worker: Worker) -> None:
    """Small windows, one at a time."""
    settings.RUNSHEET_WINDOW_ROWS, settings.RUNSHEET_STORM_FAILURES = WINDOW, MOST
    worker.start(slots=1)


@pytest.fixture
def editor() -> TableClient:
    """Who runs it."""
    return client_make("acme")


def started(inbox: Inbox, editor: TableClient, mode: Mode = Mode.ALL) -> Dispatch:
    """All rows of a table, delivered until nothing is left to deliver."""
    sheet = probing_table(ROWS, workspace=editor.workspace)
    found = dispatch_start(table=sheet.table, mode=mode).dispatch
    assert found is not None
    inbox.run_all()
    return Dispatch.objects.get(id=found.id)


def failing(*names: str) -> Any:
    """A probe that refuses these rows, or all."""

    def does(tag: Any, _context: Any) -> Any:
        if not names or tag in names:
            raise ValueError("the provider is down")
        return tag

    return does


def test_a_run_stops_itself_and_goes_on_where_it_stood(
    inbox: Inbox, probe: Probe, editor: TableClient
) -> None:
    probe.does = failing()
    held = started(inbox, editor)
    check_account(held.id)
    assert (held.status, held.error["code"], held.error["cells"]) == ("failed", "failure_storm", 15)
    assert "“A” failed one after the other" in held.error["message"]
    assert held.finished_at is not None
    tried = held.rows_handed_over
    assert 15 <= tried < ROWS / 2  # what was handed over already has run to its end
    assert RowExecution.objects.count() == tried
    check_quiet()
    dispatches_continue()
    assert not inbox.waiting

    probe.does = failing("n0")
    answer = editor.post(f"{V1}/dispatches/{held.id}/go-on/")
    assert (answer.status_code, answer.json()["status"], answer.json()["error"]) == (202, "dispatching", None)
    inbox.run_all()
    found = check_account(held.id, rows=ROWS)
    assert (found.status, found.failed, found.completed) == ("complete", tried, ROWS - tried)
    assert max(probe.counts().values()) == 1
    check_quiet()


def test_it_stops_itself_again_as_long_as_all_fail(inbox: Inbox, probe: Probe, editor: TableClient) -> None:
    probe.does = failing()
    held = started(inbox, editor)
    assert editor.post(f"{V1}/dispatches/{held.id}/go-on/").status_code == 202
    inbox.run_all()
    again = check_account(held.id)
    assert (again.status, again.error["code"]) == ("failed", "failure_storm")
    assert held.rows_handed_over < again.rows_handed_over < ROWS
    assert (
        editor.post(f"{V1}/tables/{held.table_id}/dispatches/", {"mode": "failed"}, format="json").status_code
        == 202
    )
    assert Dispatch.objects.get(id=held.id).status == "failed"


def test_failures_with_successes_between_them_are_borne(
    inbox: Inbox, probe: Probe, editor: TableClient
) -> None:
    probe.does = failing(*(f"n{number}" for number in range(ROWS) if number % WINDOW))
    found = started(inbox, editor)
    assert (found.status, found.failed) == ("complete", ROWS - ROWS // WINDOW)


def test_a_storm_in_the_last_rows_stops_nothing(inbox: Inbox, probe: Probe, editor: TableClient) -> None:
    probe.does = failing(*(f"n{number}" for number in range(ROWS - MOST, ROWS)))
    assert started(inbox, editor).status == "complete"


def test_the_guard_can_be_switched_off(
    inbox: Inbox, probe: Probe, editor: TableClient, settings: Any
) -> None:
    settings.RUNSHEET_STORM_FAILURES = 0
    probe.does = failing()
    assert started(inbox, editor).failed == ROWS


def test_only_who_may_run_lets_only_a_held_run_of_theirs_go_on(
    inbox: Inbox, probe: Probe, editor: TableClient
) -> None:
    done = started(inbox, editor)
    refused = editor.post(f"{V1}/dispatches/{done.id}/go-on/")
    assert (refused.status_code, refused.json()["code"]) == (409, "dispatch_not_held")
    assert client_make("globex").post(f"{V1}/dispatches/{done.id}/go-on/").status_code == 404
    dispatch_stop(done)
    assert Dispatch.objects.get(id=done.id).status == "complete"
