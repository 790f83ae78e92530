"""The one table of allowed run moves."""

import pytest

from workflows.states import (
    ACTIVE,
    CLAIMABLE,
    FINAL,
    RESUMABLE,
    RUN_TRANSITIONS,
    TERMINAL,
    RunStatus,
    may_move,
    sources_of,
)

pytestmark = pytest.mark.rule("W12")


def test_every_status_has_its_moves() -> None:
    assert set(RUN_TRANSITIONS) == set(RunStatus)


def test_cancelled_and_completed_are_final() -> None:
    assert {status for status in RunStatus if not RUN_TRANSITIONS[status]} == FINAL


def test_whatever_is_active_can_be_cancelled_and_nothing_else() -> None:
    assert sources_of(RunStatus.CANCELLED) == ACTIVE


def test_resume_and_recovery_lead_back_to_queued() -> None:
    assert sources_of(RunStatus.QUEUED) == RESUMABLE | {RunStatus.RUNNING}


def test_a_claim_takes_queued_and_parked_runs() -> None:
    assert sources_of(RunStatus.RUNNING) == CLAIMABLE


def test_nothing_moves_to_itself() -> None:
    assert not any(may_move(status, status) for status in RunStatus)


def test_a_run_ends_only_from_running_unless_cancelled() -> None:
    assert sources_of(RunStatus.COMPLETED) == sources_of(RunStatus.FAILED) == {RunStatus.RUNNING}
    assert {RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED} == TERMINAL
