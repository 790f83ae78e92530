"""Workflows run by hand: the test delivers the messages, kills the worker, and moves the clock of what waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from tests.bed.running import Worker, WorkerKilled, worker

__all__ = ["Engine", "Worker", "WorkerKilled", "engine", "worker"]


class Engine:
    """A workspace, its workflows, and the messages that nobody has taken yet."""

    def __init__(self, worker: Worker, patch: pytest.MonkeyPatch) -> None:
        from tests.bed.factories import workspace_make
        from workflows.services.ledger import LedgerSink

        self._patch = patch
        self._commit = LedgerSink.commit
        self.worker = worker
        self.workspace = workspace_make()
        self.messages: deque[tuple[str, list[Any]]] = deque()

    def workflow(
        self,
        blocks: Sequence[Mapping[str, Any]],
        edges: Sequence[tuple[str, ...]] = (),
        name: str = "",
    ) -> Any:
        """A workflow published as ``live``. Edges are ``(from, to)`` or ``(from, handle, to)``."""
        from tests.bed.factories import workflow_make

        return workflow_make(self.workspace, drawn(blocks, edges), name)

    def edit(
        self, workflow: Any, blocks: Sequence[Mapping[str, Any]], edges: Sequence[tuple[str, ...]]
    ) -> None:
        """Publish another definition as ``live``."""
        from tests.integration.workflows.people import ACTOR
        from workflows.services.definitions import publish, workflow_update

        workflow_update(workflow=workflow, definition=drawn(blocks, edges), actor=ACTOR)
        publish(workflow=workflow, ref="live", actor=ACTOR)

    def start(self, workflow: Any, **given: Any) -> Any:
        """A queued run with this input."""
        from tests.integration.workflows.people import ACTOR
        from workflows.services.runs import run_start
        from workflows.services.versions import version_for_ref

        version = version_for_ref(workflow, "live")
        return run_start(workflow=workflow, version=version, input=given, actor=ACTOR)[0]

    def run(self, workflow: Any, **given: Any) -> Any:
        """A run taken as far as it goes without anybody's answer."""
        run = self.start(workflow, **given)
        self.work()
        return self.fresh(run)

    def work(self) -> int:
        """Deliver every message, and those that follow; how many."""
        from celery import current_app

        delivered = 0
        while self.messages:
            name, args = self.messages.popleft()
            with suppress(WorkerKilled):
                current_app.tasks[name](*args)
            delivered += 1
        return delivered

    def dies_at_commit(self, nth: int = 1, *, after: bool = False) -> None:
        """The worker dies before (or just after) its ``nth`` commit from now on; the next one lives."""
        from workflows.services.ledger import LedgerSink

        left = count(nth, -1)

        def dying(sink: LedgerSink, writes: Any) -> Any:
            if next(left) != 1:
                return self._commit(sink, writes)
            if after:
                self._commit(sink, writes)
            self.worker.die()
            raise WorkerKilled

        self._patch.setattr(LedgerSink, "commit", dying)

    def fresh(self, run: Any) -> Any:
        """The run as it stands in the database now."""
        from workflows.models import Run

        return Run.objects.get(pk=run.pk)

    def steps(self, run: Any) -> dict[str, Any]:
        """Steps by key, with outputs from wherever they stand."""
        from workflows.services.loading import steps_load

        return {step.step_key: step for step in steps_load([run.pk])}

    def outputs(self, run: Any) -> dict[str, Any]:
        """Outputs of completed steps."""
        return {key: step.output for key, step in self.steps(run).items() if step.status == "completed"}

    def pause(self, run: Any, key: str | None = None) -> Any:
        """The open pause of a run, of that step if there are several."""
        from workflows.models import PausePoint

        open_ = PausePoint.objects.filter(run_id=run.pk, status="open")
        return open_.get() if key is None else open_.get(step_key=key)

    def answer(self, run: Any, decision: str = "approve", key: str | None = None, **fields: Any) -> None:
        """Answer the open question of a run."""
        from workflows.services.pauses import pause_answer

        data = {"decision": decision, "fields": fields}
        pause_answer(pause_id=self.pause(run, key).pk, data=data, by={"name": "Ada"})

    def time_passes(self, run: Any, seconds: float = 400 * 86_400) -> None:
        """What this run waits for happens ``seconds`` earlier; then the timers are looked at."""
        from django.db.models import F

        from workflows.models import PausePoint, Run
        from workflows.services.waking import runs_wake

        ago = timedelta(seconds=seconds)
        PausePoint.objects.filter(run_id=run.pk, status="open").update(wake_at=F("wake_at") - ago)
        Run.objects.filter(pk=run.pk).update(wake_at=F("wake_at") - ago)
        runs_wake()

    def recover(self) -> None:
        """The reaper's round for runs without a cell."""
        from workflows.services.recovery import runs_recover

        runs_recover()

    def requeued(self, run: Any) -> list[UUID]:
        """Runs whose message waits."""
        return [UUID(args[0]) for name, args in self.messages if name == "workflows.execute_run"]


def drawn(blocks: Sequence[Mapping[str, Any]], edges: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    """The JSON of a definition."""
    return {
        "blocks": [{"name": "", "config": {}, **block} for block in blocks],
        "edges": [
            {"from": edge[0], "to": edge[-1], "handle": edge[1] if len(edge) == 3 else "source"}
            for edge in edges
        ],
    }


def counting(key: str, tag: Any = None, *, effect: str = "repeatable", **more: Any) -> dict[str, Any]:
    """A block that calls a probe with ``tag`` (its own key by default) and outputs what the probe answers."""
    arguments = {"tag": key if tag is None else tag}
    return {
        "key": key,
        "type": "python",
        "config": {"function": f"probe_{effect}", "arguments": arguments},
        "retry": {"max_attempts": 1},
        **more,
    }


@pytest.fixture
def engine(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine whose messages are in the test's hand."""
    import workflows.tasks  # registers the tasks; needs settings  # noqa: F401

    made = Engine(worker, monkeypatch)
    from celery import current_app

    def keep(name: str, args: Sequence[Any] = (), **_options: Any) -> None:
        made.messages.append((name, list(args)))

    monkeypatch.setattr(current_app._get_current_object(), "send_task", keep)
    yield made
