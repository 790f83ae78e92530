"""Processes under a fault, and a member's REST client that remembers every answer it got (I6).

``site`` is the fixture; a module that wants it imports it. Everything stands on `traced`: the blocks leave a trace
outside PostgreSQL and Redis of each time they were called.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from config.supervisor import Stack
from tables.models import Dispatch, Row, RowExecution, Window
from tables.states import HOLDS_WINDOW
from tests.bed.factories import Sheet
from tests.bed.signals import wait_for
from tests.chaos.install import USUAL_START_SECONDS
from workspaces.actors import Actor
from workspaces.models import Membership, User, Workspace
from workspaces.services.tokens import token_create
from workspaces.services.workspaces import workspace_create
from workspaces.states import LARGEST_SCOPE, Role

ALL = ("web", "worker", "reserve", "control", "beat")
PATIENCE_SECONDS = 60.0
LONGEST_ANSWER_SECONDS = 30.0
BETWEEN_CALLS_SECONDS = 0.1


@dataclass(frozen=True)
class Answer:
    """One call: what was asked, when (monotonic), how long the answer took, its status (0: none) and body."""

    method: str
    path: str
    at: float
    seconds: float
    status: int
    body: Any

    @property
    def ok(self) -> bool:
        """Acknowledged."""
        return 200 <= self.status < 300


class Member:
    """A person with a token: each answer is kept in ``history``. From any thread."""

    def __init__(self) -> None:
        name = f"ada-{uuid4().hex[:8]}"
        owner = User.objects.create_user(name, f"{name}@example.org", "correct horse")
        actor = Actor.system("chaos")
        self.workspace: Workspace = workspace_create(name=name, owner=owner, actor=actor)
        place = Membership.objects.select_related("user").get(workspace=self.workspace)
        self.token = token_create(
            membership=place, name="chaos", scope=LARGEST_SCOPE[Role.ADMIN], actor=actor
        )[1]
        self.history: list[Answer] = []
        self.http: httpx.Client | None = None

    def leaves(self) -> None:
        """Hang up."""
        if self.http is not None:
            self.http.close()

    def comes_to(self, url: str) -> None:
        """Speak to this install from now on."""
        self.http = httpx.Client(
            base_url=f"{url}/api/v1",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=LONGEST_ANSWER_SECONDS,
        )

    def call(self, method: str, path: str, **more: Any) -> Answer:
        """Ask, and note the answer; no answer is one too."""
        began = time.monotonic()
        try:
            assert self.http is not None
            got = self.http.request(method, path, **more)
            status, body = got.status_code, got.json() if got.content else None
        except (httpx.TransportError, ValueError) as error:
            status, body = 0, repr(error)
        answer = Answer(method, path, began, time.monotonic() - began, status, body)
        self.history.append(answer)
        return answer

    def read(self, sheet: Sheet) -> Answer:
        """A page of rows with their cells."""
        return self.call("GET", f"/tables/{sheet.table.pk}/rows/?limit=50")

    def run(self, sheet: Sheet, mode: str = "all") -> Answer:
        """Press Run."""
        return self.call("POST", f"/tables/{sheet.table.pk}/dispatches/", json={"mode": mode})

    def insert(self, sheet: Sheet) -> Answer:
        """Add a row of its own name."""
        data = {"data": {"name": f"late-{uuid4().hex}"}}
        return self.call("POST", f"/tables/{sheet.table.pk}/rows/", json=data)

    @contextmanager
    def keeps(self, do: Callable[[], Answer]) -> Iterator[list[Answer]]:
        """Do that again and again beside the test for as long as this lasts; the answers so far."""
        answers: list[Answer] = []
        over = threading.Event()

        def go_on() -> None:
            while not over.wait(BETWEEN_CALLS_SECONDS):
                answers.append(do())

        thread = threading.Thread(target=go_on, name="member")
        thread.start()
        try:
            yield answers
        finally:
            over.set()
            thread.join()


class Site:
    """A stack of traced processes and its first member."""

    def __init__(self, traced: Any, traced_sheet: Callable[..., Sheet]) -> None:
        self._traced, self._sheet = traced, traced_sheet
        self.members = [Member()]
        self.slowness = 1.0

    @property
    def member(self) -> Member:
        """The first member."""
        return self.members[0]

    def newcomer(self) -> Member:
        """A member of another workspace of the same install."""
        self.members.append(Member())
        self.members[-1].comes_to(self.url)
        return self.members[-1]

    def start(self, *processes: str, **env: str) -> Stack:
        """Bring processes up (all of one box when none is named); those with web are the ones members speak to."""
        names = processes or ALL
        began = time.monotonic()
        stack: Stack
        stack, self.trace = self._traced(*names, **env)
        if "web" in names:
            self.slowness = max(1.0, (time.monotonic() - began) / USUAL_START_SECONDS)
            self.url = stack.url
            self.member.comes_to(stack.url)
        return stack

    def sheet(self, rows: int, milliseconds: int, *, names: str = "n", member: Member | None = None) -> Sheet:
        """A table A → B → C of the member's, its rows named ``n0``, ``n1``, …"""
        return self._sheet(rows, milliseconds, (member or self.member).workspace, names)

    def started(self, sheet: Sheet) -> UUID:
        """Press Run; the dispatch."""
        answer = self.member.run(sheet)
        assert answer.status == 202, answer
        return UUID(answer.body["id"])

    def started_at_last(self, sheet: Sheet) -> UUID:
        """Press Run until it is taken: the install may be too busy to answer at first."""
        taken = wait_for(lambda: self._taken(sheet), "a run to be taken", PATIENCE_SECONDS * self.slowness)
        assert taken is not None
        return taken

    def _taken(self, sheet: Sheet) -> UUID | None:
        answer = self.member.run(sheet)
        return UUID(answer.body["id"]) if answer.status == 202 else None

    def half_way(self, cells: int) -> None:
        """Wait until so many cells are completed."""
        done = RowExecution.objects.filter(status="completed")
        wait_for(lambda: done.count() >= cells, "the run to be under way", PATIENCE_SECONDS * self.slowness)

    def completes(self, dispatch: UUID, patience_seconds: float = PATIENCE_SECONDS) -> Dispatch:
        """Wait until the dispatch has ended by itself."""
        ended = Dispatch.objects.filter(pk=dispatch, status="complete")
        found = wait_for(ended.first, "the dispatch to complete", patience_seconds * self.slowness)
        assert found is not None
        return found

    def check_filled(self, sheet: Sheet, dispatch: Dispatch, rows: int, repeated_at_most: int) -> None:
        """Every cell is filled once, the account is exact, nothing is in flight, few steps ran twice (I1, I2, I11)."""
        assert sheet.values("c")[:rows] == [f"C(B(A(n{i})))" for i in range(rows)]
        assert (dispatch.completed, dispatch.failed, dispatch.cancelled) == (rows * 3, 0, 0)
        assert not RowExecution.objects.filter(table=sheet.table, status__in=HOLDS_WINDOW).exists()
        assert not Window.objects.filter(dispatch=dispatch).exists()
        repeated = {step: times for step, times in self.trace.counts("start").items() if times > 1}
        assert len(repeated) <= repeated_at_most, repeated


def check_persisted(answers: list[Answer]) -> int:
    """Every row whose insert was acknowledged is there (I6); how many there were."""
    acked = [UUID(answer.body["id"]) for answer in answers if answer.method == "POST" and answer.ok]
    assert Row.objects.filter(pk__in=acked).count() == len(acked)
    return len(acked)


def check_honest(answers: list[Answer], seconds: float) -> None:
    """Each answer came in that time, and was a yes or a clean 503."""
    odd = [
        answer for answer in answers if not (answer.ok or (answer.status == 503 and "code" in answer.body))
    ]
    assert not odd, odd[:5]
    slow = [answer for answer in answers if answer.seconds > seconds]
    assert not slow, sorted(slow, key=lambda answer: -answer.seconds)[:5]


@contextmanager
def standing_still(stack: Stack, name: str) -> Iterator[int]:
    """A process of the stack is stopped, SIGSTOP, while this lasts; its pid."""
    pid = stack.pid(name)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture
def site(traced: Any, traced_sheet: Callable[..., Sheet]) -> Iterator[Site]:
    """Nothing runs yet: ``site.start()``."""
    made = Site(traced, traced_sheet)
    yield made
    for member in made.members:
        member.leaves()
