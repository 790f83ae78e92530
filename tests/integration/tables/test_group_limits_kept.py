"""Limits of a workflow group under many slots at once: never more, never faster (T23)."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from tables.models import Window
from tables.services import group_limits, rate_tokens
from tables.services.group_limits import group_look
from tables.services.rate_tokens import Tokens, tokens_take
from tables.services.reaping import reap
from tests.bed.accounts import check_account, check_quiet
from tests.bed.crew import Crew, crew
from tests.bed.running import Inbox, Probe
from tests.integration.tables.parked import start
from tests.integration.tables.test_group_limits import limited_table
from workflows.blocks.base import BlockContext

__all__ = ["crew"]
pytestmark = pytest.mark.usefixtures("worker")


class Together:
    """How many calls of ``A`` are under way at once."""

    def __init__(self, probe: Probe, seconds: float = 0.0) -> None:
        self.now = self.most = 0
        self.seconds = seconds
        self.lock = threading.Lock()
        probe.does = self.called

    def called(self, tag: str, context: BlockContext) -> str:
        """What the probes do."""
        if not tag.startswith("A:"):
            return tag
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        context.cancelled.wait(self.seconds * random.uniform(0.5, 1.5))
        with self.lock:
            self.now -= 1
        return tag


@pytest.mark.rule("T23")
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@drawn(
    limit=st.integers(1, 3),
    slots=st.sampled_from([4, 16]),
    rows=st.integers(5, 30),
    quick=st.booleans(),
    seed=st.integers(),
)
def test_never_more_at_once_than_the_limit(
    limit: int, slots: int, rows: int, quick: bool, seed: int, crew: Crew, probe: Probe
) -> None:  # fmt: skip
    """Real threads, real locks, random durations: every cell runs once, and never too many together."""
    random.seed(seed)
    probe.reset()
    together = Together(probe, 0.01)
    sheet = limited_table(rows, quick=quick, concurrency=limit)
    dispatch = start(sheet)
    for _ in range(5):
        crew.work(slots)
        if not Window.objects.exists():
            break
        reap()
    assert together.most <= limit
    assert probe.counts() == {
        f"{g}:{s}n{i}": 1 for g, s in (("A", ""), ("B", "A:"), ("C", "")) for i in range(rows)
    }
    assert check_account(dispatch, rows=rows).completed == rows * 3
    check_quiet()


@pytest.mark.rule("T23")
def test_two_are_kept_busy_by_sixteen_slots(crew: Crew, probe: Probe) -> None:
    sheet = limited_table(24, concurrency=2)
    together = Together(probe, 0.2)
    dispatch = start(sheet, groups=[sheet.groups["A"].id])
    crew.work(16)
    assert together.most == 2
    assert check_account(dispatch, rows=24).completed == 24


@pytest.mark.rule("T23")
def test_a_rate_is_kept_and_kept_up(crew: Crew, probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many slots there are: in no time do more begin than agreed, but for what was late and is made up for."""
    monkeypatch.setattr(
        group_limits,
        "limit_send",
        lambda table, group, seconds: crew.postpone(seconds, lambda: group_look(table, group)),
    )
    given: list[tuple[float, float]] = []

    def taken(*named: Any, **more: Any) -> Tokens:
        before = time.monotonic()
        tokens = tokens_take(*named, **more)
        given.extend([(before, time.monotonic())] * tokens.given)
        return tokens

    monkeypatch.setattr(group_limits, "tokens_take", taken)
    sheet = limited_table(30, rate={"count": 10, "per_seconds": 1})
    dispatch = start(sheet, groups=[sheet.groups["A"].id])
    while Window.objects.exists() or crew.inbox.waiting:
        crew.work(8)
        reap()
    assert check_account(dispatch, rows=30).completed == 30
    assert len(given) == 30
    for first in (before for before, _ in given):
        for last in (after for _, after in given if after >= first):
            inside = sum(before >= first and after <= last for before, after in given)
            assert inside <= (last - first + rate_tokens.LATE_MS / 1000) * 10 + 1


@pytest.mark.rule("T23")
def test_rows_of_one_pack_go_on_in_it(inbox: Inbox, probe: Probe) -> None:
    """A pack holds its rows' locks until it ends: what is free goes to them in this process, not by a message."""
    sheet = limited_table(10, quick=True, concurrency=2)
    together = Together(probe)
    dispatch = start(sheet)
    inbox.run_all()
    assert together.most <= 2
    assert check_account(dispatch, rows=10).completed == 30
    check_quiet()
