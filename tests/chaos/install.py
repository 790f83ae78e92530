"""An install under faults: its processes, its REST API, and the outside world that its blocks call.

Tests of a module share one, and what is in its database; each has its own tag, by which the sink tells their calls
apart. A module that wants one imports the fixtures at the end.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import redis
from django.conf import settings
from django.core.management import call_command
from django.db.models.functions import Now

from config.embedded.service import tail
from config.supervisor import Stack
from tables.models import Dispatch, RowExecution, Window
from tables.states import HOLDS_WINDOW
from tests.bed.crashing import CRASHES, Crashes, Point
from tests.bed.factories import Sheet, chain, sheet_make, workflow_make
from tests.bed.processes import StartStack, stacks_on
from tests.bed.services import TestServices
from tests.bed.signals import wait_for
from tests.bed.sink import Sink
from workflows.models import Attempt, Instance, PausePoint, Run, Step, Workflow
from workflows.states import RunStatus
from workspaces.actors import Actor
from workspaces.models import Membership, User, Workspace
from workspaces.services.tokens import token_create
from workspaces.services.workspaces import workspace_create
from workspaces.states import LARGEST_SCOPE, Role

ACTOR = Actor.system("chaos")

RECOVERED_SECONDS = 15.0
"""From a fault until its run has gone on to the end, on an idle machine."""

USUAL_START_SECONDS = 8.0
"""An install that takes longer than this to start is on a busy machine, on which everything takes longer."""

NAP: dict[str, Any] = {"key": "nap", "type": "wait", "config": {"seconds": 3600}}

WORK = ("interactive", "rows", "cpu")
"""The queues of runs and cells."""

PATIENCE_SECONDS = 90.0
"""How long a test waits before it calls something lost."""


def call(
    sink: Sink, key: str, *, tag: str = "{{ input.tag }}", method: str = "PUT", **more: Any
) -> dict[str, Any]:
    """A block that calls the sink: a PUT is idempotent, a bare POST is unsafe to repeat."""
    return {
        "key": key,
        "type": "http",
        "config": {"method": method, "url": f"{sink.url}/{tag}/{key}"},
        **more,
    }


class Install:
    """A stack that passes the points of `tests.bed.crashing`, and a member's REST client for it."""

    def __init__(self, start_stack: StartStack, sink: Sink, folder: Path) -> None:
        """Start everything and wait until it answers."""
        self.sink = sink
        self.crashes = Crashes(folder)
        self.start_stack = start_stack
        owner = User.objects.create_user(f"ada-{uuid4().hex[:8]}", "ada@example.org", "correct horse")
        self.workspace: Workspace = workspace_create(name="Acme", owner=owner, actor=ACTOR)
        place = Membership.objects.select_related("user").get(workspace=self.workspace)
        self.token = token_create(
            membership=place, name="chaos", scope=LARGEST_SCOPE[Role.ADMIN], actor=ACTOR
        )[1]
        self.bring_up()

    def bring_up(self) -> None:
        """Start all processes anew, on the services that stand."""
        began = time.monotonic()
        self.stack: Stack = self.start_stack(
            RUNSHEET_BLOCKS="tests.bed.crashing",
            RUNSHEET_HTTP_ALLOW=self.sink.address,
            **{CRASHES: str(self.crashes.folder)},
        )
        self.slowness = max(1.0, (time.monotonic() - began) / USUAL_START_SECONDS)
        self.http = httpx.Client(
            base_url=f"{self.stack.url}/api/v1",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=PATIENCE_SECONDS,
        )

    def bring_down(self) -> None:
        """End all processes."""
        self.http.close()
        self.stack.__exit__(None, None, None)

    # ---- starting ------------------------------------------------------------------------------------------

    def workflow(self, *blocks: dict[str, Any], edges: Sequence[tuple[str, str, str]] = ()) -> Workflow:
        """A published chain of these blocks; ``input.tag`` is what the sink knows the run by.

        With ``edges`` (from, handle, to) it is no chain: the first block alone follows the start.
        """
        start = {"key": "start", "type": "start", "config": {"inputs": {"tag": {"type": "text"}}}}
        definition = chain(start, *blocks)
        if edges:
            drawn = [{"from": source, "handle": handle, "to": target} for source, handle, target in edges]
            definition["edges"] = [definition["edges"][0], *drawn]
        return workflow_make(self.workspace, definition)

    def start(self, workflow: Workflow, tag: str) -> UUID:
        """Start a run by REST."""
        answer = self.http.post(f"/workflows/{workflow.pk}/runs/", json={"input": {"tag": tag}})
        assert answer.status_code in {200, 202}, answer.text  # 200: it has settled already
        return UUID(answer.json()["id"])

    def sheet(self, tag: str, *blocks: dict[str, Any]) -> Sheet:
        """A table of one row, with one group of these blocks; ``row.name`` is the tag."""
        sheet = sheet_make(self.workspace)
        sheet.column("name")
        last = {"key": "end", "type": "respond", "config": {"value": "done"}}
        sheet.group("A", chain(*blocks, last), outputs={"a": "result"}, depends_on=["name"])
        sheet.fill([{"name": tag}])
        return sheet

    def dispatch(self, sheet: Sheet) -> UUID:
        """Run the sheet's cells by REST."""
        answer = self.http.post(f"/tables/{sheet.table.pk}/dispatches/", json={"mode": "all"})
        assert answer.status_code in {201, 202}, answer.text
        return UUID(answer.json()["id"])

    # ---- faults --------------------------------------------------------------------------------------------

    @contextmanager
    def stopped(self, name: str) -> Iterator[int]:
        """A process of the stack stands still, SIGSTOP, while this lasts; its pid."""
        pid = self.stack.pid(name)
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            yield pid
        finally:
            os.kill(pid, signal.SIGCONT)

    def struck(self, point: Point) -> float:
        """Wait until a process took the fault; the moment, by ``time.monotonic()``."""
        wait_for(lambda: self.crashes.taken(point), f"a process to be struck {point}", PATIENCE_SECONDS)
        return time.monotonic()

    def check_recovered(self, struck: float) -> None:
        """No more time has passed since the fault than recovery may take."""
        seconds = time.monotonic() - struck
        print(f"recovered in {seconds:.1f} s on a machine {self.slowness:.1f} times as slow as usual")  # noqa: T201
        assert seconds < RECOVERED_SECONDS * self.slowness

    def falls_due(self, run_id: UUID) -> None:
        """What the run waits for is due now: the time it was to wait has passed."""
        PausePoint.objects.filter(run_id=run_id, status="open").update(wake_at=Now())
        Run.objects.filter(pk=run_id).update(wake_at=Now())

    # ---- what became of it ---------------------------------------------------------------------------------

    def run(self, run_id: UUID) -> Run:
        """As it stands now."""
        return Run.objects.get(pk=run_id)

    def until(self, run_id: UUID, status: str) -> Run:
        """Wait for a status."""

        try:
            wait_for(
                lambda: self.run(run_id).status == status, f"run {run_id} to be {status}", PATIENCE_SECONDS
            )
        except BaseException:
            self.show(run_id)
            raise
        return self.run(run_id)

    def run_of_cell(self, sheet: Sheet) -> UUID:
        """The run of the sheet's only cell, once there is one."""
        runs = Run.objects.filter(owner_id__in=RowExecution.objects.filter(table=sheet.table).values("id"))
        wait_for(runs.exists, "the cell to have a run", PATIENCE_SECONDS)
        return runs.values_list("pk", flat=True).get()

    def steps(self, run_id: UUID) -> dict[str, str]:
        """The status of each step."""
        return dict(Step.objects.filter(run_id=run_id).values_list("step_key", "status"))

    def tries(self, run_id: UUID, key: str) -> list[tuple[int, bool]]:
        """Each recorded attempt at a step: its number, and whether it succeeded."""
        found = Attempt.objects.filter(run_id=run_id, step_key=key).order_by("id")
        return [(n, error is None) for n, error in found.values_list("n", "error")]

    def process_of(self, run_id: UUID) -> str:
        """The process of the stack that executes a run."""
        pid = Instance.objects.values_list("pid", flat=True).get(runs=run_id)
        return next(name for name in self.stack.processes if self.stack.pid(name) == pid)

    def check_finished(self, run_id: UUID, tag: str, counts: dict[str, int]) -> None:
        """Completed, each step once in the ledger, called as often as said under one key each, nothing left over."""
        run = self.run(run_id)
        assert (run.status, run.lease_token, run.instance_id, run.wake_at) == ("completed", None, None, None)
        assert dict(self.sink.counts(tag)) == counts
        for key in counts:
            assert len(self.sink.idempotency_keys(tag, key)) == 1
        assert set(self.steps(run_id).values()) == {"completed"}
        good = Attempt.objects.filter(run_id=run_id, error__isnull=True).values_list("step_key", flat=True)
        assert Counter(good) == dict.fromkeys(counts, 1)  # pure steps leave no record of their attempts
        numbers = Attempt.objects.filter(run_id=run_id).values_list("step_key", "epoch", "n")
        assert max(Counter(numbers).values()) == 1
        assert not PausePoint.objects.filter(run_id=run_id, consumed_at=None).exists()

    def check_cell(self, sheet: Sheet, dispatch_id: UUID) -> None:
        """The sheet's only cell is filled, and counted once."""
        ended = Dispatch.objects.filter(pk=dispatch_id, status="complete", completed=1)
        dispatch = wait_for(ended.first, "the dispatch to end and to count its cell", PATIENCE_SECONDS)
        assert (dispatch.completed, dispatch.failed, dispatch.paused) == (1, 0, 0)
        assert sheet.values("a") == ["done"]
        assert not Window.objects.filter(dispatch=dispatch).exists()

    def check_quiet(self) -> None:
        """Nothing is in flight, and once spare messages are read no message waits for a worker."""
        active = Run.objects.filter(status__in=[RunStatus.QUEUED, RunStatus.RUNNING])
        assert not active.exists()
        assert not RowExecution.objects.filter(status__in=HOLDS_WINDOW).exists()
        wait_for(lambda: not any(queued(WORK).values()), "spare messages to be read", PATIENCE_SECONDS)

    def show(self, run_id: UUID) -> None:
        """Print a run and what is around it: pytest shows it when the test failed."""
        attempts = Attempt.objects.filter(run_id=run_id).order_by("id")
        cells = RowExecution.objects.filter(run_id=run_id)
        for shown in (
            Run.objects.filter(pk=run_id).values(
                "status", "error", "recovery_count", "created_at", "wake_at", "waits_for", "instance_id"
            ),
            [self.steps(run_id)],
            attempts.values("step_key", "n", "error"),
            cells.values("status", "window_id", "crashes", "error"),
            Window.objects.values("id", "deadline_at", "redrives", "resumes"),
            Instance.objects.values("id", "role", "pid", "heartbeat_at", "stopped_at"),
            [queued(settings.QUEUES)],
        ):
            print(*shown, sep="\n")  # noqa: T201


class Work:
    """Steps a, b and c, as a plain run or as the run of a cell.

    ``b`` is added to the config of its block; ``sleeps`` is a block that waits after a.
    """

    def __init__(
        self,
        install: Install,
        tag: str,
        *,
        of_cell: bool = False,
        b: dict[str, Any] | None = None,
        sleeps: dict[str, Any] | None = None,
    ) -> None:
        """Start it by REST."""
        self.install = install
        self.sheet: Sheet | None = None
        known_as = "{{ row.name }}" if of_cell else "{{ input.tag }}"
        blocks = [call(install.sink, key, tag=known_as, **(b or {} if key == "b" else {})) for key in "abc"]
        if sleeps is not None:
            blocks.insert(1, sleeps)
        if of_cell:
            self.sheet = install.sheet(tag, *blocks)
            self.dispatch_id = install.dispatch(self.sheet)
        else:
            self.started = install.start(install.workflow(*blocks), tag)

    @property
    def run_id(self) -> UUID:
        """The run, once there is one."""
        return self.started if self.sheet is None else self.install.run_of_cell(self.sheet)

    def check_filled(self) -> None:
        """If it is a cell's: the cell is filled, and counted once."""
        if self.sheet is not None:
            self.install.check_cell(self.sheet, self.dispatch_id)


def queued(queues: Sequence[str]) -> dict[str, int]:
    """How many messages wait in each queue."""
    with redis.Redis.from_url(settings.RUNSHEET_REDIS_URL) as client:
        return {name: client.llen(name) for name in queues}


@pytest.fixture(name="_django_db_helper")
def database_stays(django_db_setup: None) -> None:
    """Tests that share an install leave the database as it is; pytest-django would empty it after each."""


@pytest.fixture(scope="module")
def install(
    services: TestServices,
    django_db_setup: None,
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Install]:
    """A running install for the tests of a module; the database is emptied after the last one."""
    with django_db_blocker.unblock():
        with Sink() as sink, stacks_on(services) as start:
            made = Install(start, sink, tmp_path_factory.mktemp("crashes"))
            yield made
            made.bring_down()
            for name in made.stack.processes:  # shown only when the last test failed
                print(f"---- {name}\n{tail(made.stack.log(name), 40)}")  # noqa: T201
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture
def tag() -> str:
    """What the sink knows this test's runs by."""
    return uuid4().hex[:8]
