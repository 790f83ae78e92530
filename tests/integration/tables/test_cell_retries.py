"""A group's retry policy takes failed runs up again, and its timeout ends them; neither holds a worker (T23)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tables.models import Dispatch, Window
from tables.services.reaping import reap
from tables.services.stopping import stop
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, chain, probing, sheet_make
from tests.bed.running import Inbox, Probe, Worker, WorkerKilled
from tests.integration.tables.clients import TableClient
from tests.integration.tables.parked import cell, data, figures, run_id, start, statuses, time_passes
from tests.integration.tables.told import told
from workflows.blocks.base import BlockContext, BlockFailed
from workflows.models import Attempt, Run, Step
from workflows.services.resuming import run_resume
from workflows.states import ErrorClass
from workspaces.actors import Actor

pytestmark = pytest.mark.usefixtures("worker")

POLICY: dict[str, Any] = {"max_attempts": 3, "kind": "fixed", "delay_seconds": 60, "jitter": 0}
ONCE: dict[str, Any] = {"retry": {"max_attempts": 1}}


class Outage:
    """Fails the calls whose tag starts with ``call`` while it lasts, with an error of this class."""

    def __init__(self, probe: Probe) -> None:
        self.lasts = True
        self.error = (ErrorClass.UPSTREAM, "down")
        probe.does = self.called

    def called(self, tag: str, _context: BlockContext) -> Any:
        """What the probes do."""
        if self.lasts and tag.startswith("call"):
            raise BlockFailed.because(*self.error, f"{tag} is away")
        return tag


@pytest.fixture
def outage(probe: Probe) -> Outage:
    return Outage(probe)


def retrying_table(rows: int = 1, *, effect: str = "repeatable", **options: Any) -> Sheet:
    """Group A asks two services, of which the second may be away; B reads ``a``."""
    sheet = sheet_make()
    sheet.column("name")
    blocks = chain(
        probing("first", "first:{{ row.name }}", **ONCE),
        probing("second", "call:{{ row.name }}", effect=effect, **ONCE),
    )
    options = {"retry": POLICY, **options}
    sheet.group("A", blocks, outputs={"first": "blocks.first", "a": "blocks.second"}, **options)
    sheet.group("B", chain(probing("b", "B:{{ row.a }}")), outputs={"b": "result"}, depends_on=["a"])
    sheet.fill([{"name": f"n{i}"} for i in range(rows)])
    return sheet


def failed(inbox: Inbox, rows: int = 1, **options: Any) -> tuple[Sheet, UUID]:
    """After the first attempt."""
    sheet = retrying_table(rows, **options)
    dispatch = start(sheet)
    inbox.run_all()
    return sheet, dispatch


@pytest.mark.rule("T23", "T13", "T18")
def test_a_failed_run_waits_in_its_window_and_keeps_what_it_has(
    inbox: Inbox, probe: Probe, outage: Outage
) -> None:
    sheet, dispatch = failed(inbox)
    waits = cell(sheet)
    assert (waits.status, waits.reason, waits.instance_id, waits.retries) == ("queued", "backoff", None, 1)
    assert waits.wake_at is not None
    assert (waits.error or {})["code"] == "down"
    assert data(sheet)["first"] == "first:n0"
    run = Run.objects.get()
    assert (run.status, run.epoch, run.error) == ("waiting", 1, None)
    assert [entry["error"]["code"] for entry in run.history or []] == ["down"]
    assert (Window.objects.count(), figures(dispatch)) == (1, {"queued": 1})
    last = told(sheet)[-1]
    assert (last["status"], last["reason"], last["error"]["code"]) == ("queued", "backoff", "down")
    outage.lasts = False
    assert time_passes() == 1
    inbox.run_all()
    ended = cell(sheet)
    assert (ended.status, ended.execution_id, ended.attempt) == ("completed", waits.execution_id, 1)
    assert (ended.retries, ended.error) == (1, None)
    assert probe.counts() == {"first:n0": 1, "call:n0": 2, "B:call:n0": 1}
    assert figures(dispatch) == {"completed": 2}
    check_account(dispatch, rows=1)
    check_quiet()


@pytest.mark.rule("T23")
def test_after_the_last_attempt_it_fails_with_the_last_error(
    inbox: Inbox, probe: Probe, outage: Outage
) -> None:
    sheet, dispatch = failed(inbox, rows=2)
    outage.error = (ErrorClass.TIMEOUT, "slow")
    while time_passes():
        inbox.run_all()
    ended = cell(sheet)
    assert (ended.status, ended.retries, (ended.error or {})["code"]) == ("failed", 2, "slow")
    assert probe.counts()["call:n0"] == probe.counts()["call:n1"] == 3
    assert probe.counts()["first:n0"] == 1
    run = Run.objects.get(id=run_id(ended))
    assert (run.status, run.epoch, len(run.history or [])) == ("failed", 2, 2)
    assert Attempt.objects.filter(run=run, step_key="second").count() == 3
    assert check_account(dispatch, rows=2).failed == 2
    check_quiet()


@pytest.mark.rule("T23", "T26")
def test_a_person_resumes_what_the_policy_gave_up(inbox: Inbox, probe: Probe, outage: Outage) -> None:
    sheet, _ = failed(inbox)
    while time_passes():
        inbox.run_all()
    outage.lasts = False
    run_resume(run_id=run_id(cell(sheet)), actor=Actor.system("test"))
    inbox.run_all()
    assert statuses(sheet) == {"A": "completed", "B": "completed"}
    check_quiet()


@pytest.mark.rule("T23")
def test_a_run_of_pure_blocks_is_taken_up_again_too(inbox: Inbox, probe: Probe, outage: Outage) -> None:
    sheet, dispatch = failed(inbox, effect="pure")
    outage.lasts = False
    assert time_passes() == 1
    inbox.run_all()
    assert statuses(sheet) == {"A": "completed", "B": "completed"}
    check_account(dispatch, rows=1)


@pytest.mark.rule("T23")
@pytest.mark.parametrize("error", [ErrorClass.VALIDATION, ErrorClass.INTERNAL, ErrorClass.REFERENCE])
def test_an_error_that_would_come_again_is_final(
    error: ErrorClass, inbox: Inbox, probe: Probe, outage: Outage
) -> None:
    outage.error = (error, "wrong")
    sheet, dispatch = failed(inbox)
    assert (cell(sheet).status, cell(sheet).retries) == ("failed", 0)
    assert check_account(dispatch, rows=1).failed == 1


@pytest.mark.rule("T23")
def test_a_result_that_fits_no_column_is_final(inbox: Inbox, probe: Probe) -> None:
    sheet = sheet_make()
    sheet.column("name")
    sheet.group(
        "A", chain(probing("call")), outputs={"a": "result"}, types={"a": "number"}, retry=POLICY
    )  # fmt: skip
    sheet.fill([{"name": "no number"}])
    start(sheet)
    inbox.run_all()
    assert (cell(sheet).status, (cell(sheet).error or {})["code"]) == ("failed", "output_invalid")
    check_quiet()


def _stopped(sheet: Sheet) -> None:
    stop(table=sheet.table)


def _stopped_row(sheet: Sheet) -> None:
    stop(table=sheet.table, rows=sheet.rows)


@pytest.mark.rule("T23", "T24", "T26")
@pytest.mark.parametrize("gesture", [_stopped, _stopped_row], ids=["table", "row"])
@pytest.mark.parametrize("woken", [False, True], ids=["waiting", "woken"])
def test_a_stop_ends_it_for_good(
    gesture: Callable[[Sheet], None], woken: bool, inbox: Inbox, probe: Probe, outage: Outage
) -> None:  # fmt: skip
    sheet, dispatch = failed(inbox)
    if woken:
        time_passes()
    gesture(sheet)
    assert cell(sheet).status == Run.objects.get().status == "cancelled"
    assert time_passes() == 0
    reap()
    inbox.run_all()
    assert probe.counts()["call:n0"] == 1
    assert check_account(dispatch, rows=1).cancelled == 1
    check_quiet()


@pytest.mark.rule("T23", "T11")
def test_a_worker_lost_in_the_second_attempt_costs_no_retry(
    inbox: Inbox, probe: Probe, outage: Outage, worker: Worker, kill_at_commit: Callable[..., None]
) -> None:
    sheet, dispatch = failed(inbox)
    outage.lasts = False
    time_passes()
    kill_at_commit()
    with pytest.raises(WorkerKilled):
        inbox.run_all()
    worker.start()
    reap()
    inbox.run_all()
    assert (cell(sheet).status, cell(sheet).retries) == ("completed", 1)
    check_account(dispatch, rows=1)


@pytest.mark.rule("T23")
def test_rows_of_one_pack_are_retried_each_for_itself(inbox: Inbox, probe: Probe) -> None:
    """One set of statements for all of them; those that did not fail are not touched."""
    sheet = retrying_table(6)
    sheet.groups["A"].mean_cell_ms = 1
    sheet.groups["A"].save()
    sheet.groups["B"].mean_cell_ms = 1
    sheet.groups["B"].save()

    def odd_ones_fail(tag: str, context: BlockContext) -> str:
        if tag.startswith("call") and int(tag[-1]) % 2 and not down_no_more:
            raise BlockFailed.because(ErrorClass.UPSTREAM, "down", "away")
        return tag

    down_no_more: list[bool] = []
    probe.does = odd_ones_fail
    dispatch = start(sheet)
    inbox.run_all()
    assert figures(dispatch) == {"completed": 6, "queued": 3}
    down_no_more.append(True)
    assert time_passes() == 3
    inbox.run_all()
    assert figures(dispatch) == {"completed": 12}
    assert {tag: n for tag, n in probe.counts().items() if n > 1} == {f"call:n{i}": 2 for i in (1, 3, 5)}
    check_account(dispatch, rows=6)


@pytest.mark.rule("T23")
def test_a_run_that_takes_too_long_fails_with_timeout_and_has_its_time_again(
    inbox: Inbox, probe: Probe
) -> None:
    slow = [True]

    def called(tag: str, context: BlockContext) -> str:
        if tag.startswith("call") and slow:
            context.cancelled.wait(20)
        return tag

    probe.does = called
    sheet, dispatch = failed(inbox, timeout_seconds=0.3, retry={**POLICY, "max_attempts": 2})
    waits = cell(sheet)
    assert (waits.status, (waits.error or {})["code"]) == ("queued", "timeout")
    assert "0.3 s" in (waits.error or {})["message"]
    time_passes()
    inbox.run_all()
    assert (cell(sheet).status, (cell(sheet).error or {})["code"]) == ("failed", "timeout")
    assert (Run.objects.get().error or {})["code"] == "timeout"
    assert Dispatch.objects.get(id=dispatch).failed == 1
    check_quiet()


@pytest.mark.rule("T23", "W15")
def test_what_may_have_happened_is_not_sent_again_by_itself(inbox: Inbox, probe: Probe) -> None:
    """The deadline passes while an unsafe block is under way: its outcome is a person's affair, not a retry's."""

    def called(tag: str, context: BlockContext) -> str:
        if tag.startswith("call"):
            context.cancelled.wait(20)
        return tag

    probe.does = called
    sheet, _ = failed(inbox, effect="unsafe", timeout_seconds=0.3)
    assert Step.objects.get(step_key="second").status == "running"
    time_passes()
    inbox.run_all()
    assert probe.counts()["call:n0"] == 1
    assert (cell(sheet).status, cell(sheet).reason) == ("paused", "needs_decision")


@pytest.mark.rule("T23")
def test_a_policy_is_checked_when_the_group_is_saved(client: TableClient) -> None:
    path = client.table("Name")
    body = {
        "name": "A",
        "workflow": str(client.workflow().pk),
        "outputs": [{"path": "result.value", "column": {"name": "Greeting", "type": "text"}}],
        "retry": {"max_attempts": 99, "often": 1},
        "limits": {"concurrency": 1},
    }
    refused = client.post(f"{path}/groups/", body, format="json")
    assert (refused.status_code, refused.json()["code"]) == (400, "policy_invalid")
    assert set(refused.json()["errors"]) == {"retry.max_attempts", "retry.often"}
    made = client.post(f"{path}/groups/", {**body, "retry": POLICY}, format="json")
    assert (made.status_code, made.json()["retry"]) == (201, POLICY)
    group = f"{path}/groups/{made.json()['id']}/"
    refused = client.patch(group, {"limits": {"rate": {"count": 1}}}, format="json")
    assert list(refused.json()["errors"]) == ["limits.rate.per_seconds"]
    assert client.patch(group, {"retry": None, "limits": {}}, format="json").json()["retry"] is None
