"""The executor: runs a batch of live runs to their ends (W7, W13a, W14). One run is a batch of one.

One thread coordinates the batch. Pure blocks run in it; others fly on the event loop or the thread pool, and the
thread waits for landings, retry timers and deadlines. What has been decided is gathered and handed to the sink in
one short commit:

* a run's end, and a finished step with an effect or a cost, are committed before anything else starts (W14);
* records of pure steps ride with the next commit (W15), so a short run of pure blocks costs its claim and its end.

No database connection is held while a block runs. A run that the sink refuses is dropped without a word: its lease
moved, and whoever holds it now goes on from the ledger.
"""

from __future__ import annotations

import heapq
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import count
from queue import Empty
from typing import Any
from uuid import UUID

from workflows.blocks.base import Block, BlockContext, BlockFailed, BlockResult
from workflows.engine.fingerprint import input_hash
from workflows.engine.outputs import clean_output
from workflows.engine.retry import RetryAfter, decide_retry
from workflows.engine.roots import block_value
from workflows.engine.types import BlockError, Effect, ErrorClass, StepRecord
from workflows.engine.version import CompiledBlock
from workflows.services.flights import Flight, Landing, Landings, take_off_async, take_off_thread
from workflows.services.instances import is_draining
from workflows.services.ledger import Commit, RunEnd, Sink
from workflows.services.live import LiveRun
from workflows.services.patience import patiently
from workflows.services.records import attempt_note, error_shown, idempotency_key, settled, step_write
from workflows.states import RunStatus, StepStatus
from workspaces.secrets import secrets_redact

PARALLEL_BLOCKS = 8
"""Blocks of one run under way at once (W7)."""

MAX_OUTPUT_BYTES = 1024 * 1024
"""A block's output above this fails its step (F21)."""

LOOK_SECONDS = 1.0
"""How often a waiting executor asks whether its runs are still its own: a Stop is seen within 2 s (W17)."""

_INTERRUPTED = BlockError(
    ErrorClass.UNKNOWN_OUTCOME,
    "unknown_outcome",
    "The worker was lost while this block was under way, and it is not safe to send it again.",
)
_DEADLINE = BlockError(ErrorClass.TIMEOUT, "deadline_passed", "The run's deadline has passed.")


def execute(batch: Sequence[LiveRun], sink: Sink) -> None:
    """Run the batch, and whatever the sink starts in its wake, until nothing is left.

    Raises what the sink raises once its patience with an outage has ended; the runs then stay with their lease.
    """
    execution = _Execution(sink)
    try:
        execution.run(batch)
    finally:
        for run_id in list(execution.live):  # broken off: blocks still under way have nobody to land with
            execution.drop(run_id)


class _Execution:
    """One call of ``execute``: the live runs, the attempts under way, the retry timers."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.live: dict[UUID, LiveRun] = {}
        self.flights: dict[tuple[UUID, str], Flight] = {}
        self.landings: Landings = Landings()
        self.timers: list[tuple[float, int, UUID, str]] = []
        self.order = count()
        self.looked = time.monotonic()

    def run(self, batch: Sequence[LiveRun]) -> None:
        """Until nothing is live: decide, commit, start, wait."""
        self.admit(batch)
        while self.live:
            self.commit()
            for live in list(self.live.values()):
                self.start(live)
            if self.live and not any(live.must_commit or live.write.end for live in self.live.values()):
                self.wait()

    def admit(self, runs: Sequence[LiveRun]) -> None:
        """Take runs into the batch and decide as much as can be decided at once."""
        for live in runs:
            self.live[live.run_id] = live
            self.decide(live)

    # ---- deciding ------------------------------------------------------------------------------------------

    def decide(self, live: LiveRun) -> None:
        """Run what is pure until something must be waited for; then see whether the run has ended."""
        waiting: list[str] = []
        while live.ready and not live.router.stopping and not is_draining():
            key = live.ready.popleft()
            if _is_inline(live.compiled.blocks[key]):
                self.attempt_inline(live, key)
            else:
                waiting.append(key)
        live.ready.extendleft(reversed(waiting))
        if live.router.stopping or is_draining():
            self.withdraw(live)
        self.end_if_done(live)

    def withdraw(self, live: LiveRun) -> None:
        """Nothing new starts: take back what waits to be started or tried again (W11)."""
        held = set(live.ready) | {key for _, _, run_id, key in self.timers if run_id == live.run_id}
        live.router.withdraw(held)
        live.withheld = live.withheld or bool(held)
        live.ready.clear()
        self.timers = [timer for timer in self.timers if timer[2] != live.run_id]
        heapq.heapify(self.timers)

    def end_if_done(self, live: LiveRun) -> None:
        """Say how the run ended once nothing is in flight; a draining process hands it back instead (W17)."""
        if live.write.end is not None or live.in_flight or not live.router.done:
            return
        outcome = live.router.outcome
        if live.withheld and not live.router.stopping:
            live.write.end = RunEnd(RunStatus.QUEUED)
        elif outcome is RunStatus.FAILED:
            error = error_shown(live, live.router.first_error) or {}
            live.write.end = RunEnd(RunStatus.FAILED, error={**error, "block": live.router.failed_block})
        else:
            result = live.router.result
            live.write.end = RunEnd(
                RunStatus.COMPLETED,
                result=secrets_redact(result, live.secrets.values()) if live.secrets else result,
            )

    # ---- attempts ------------------------------------------------------------------------------------------

    def attempt_inline(self, live: LiveRun, key: str) -> None:
        """One attempt of a pure block, here and now; its retries too, as they cost nothing to wait for."""
        flight, began = self.flight(live, key), time.thread_time()
        try:
            config = self.prepare(live, flight)
            outcome: Any = _block(live, key).run(self.context(live, flight), config)
        except Exception as error:  # noqa: BLE001 - a block may raise anything; it becomes the attempt's error
            outcome = error
        live.busy_seconds += time.thread_time() - began
        self.land(live, flight, outcome)

    def flight(self, live: LiveRun, key: str) -> Flight:
        """A new attempt of a block, numbered."""
        live.attempts[key] = n = live.attempts.get(key, 0) + 1
        started = time.monotonic()
        limit = live.compiled.blocks[key].timeout_seconds
        ends = [
            moment for moment in (live.deadline, started + limit if limit else None) if moment is not None
        ]
        return Flight(live.run_id, key, n, datetime.now(UTC), started, min(ends, default=None), {}, "")

    def prepare(self, live: LiveRun, flight: Flight) -> Any:
        """Resolve the block's config. Raises ``ExpressionError`` or ``BlockFailed``."""
        block = live.compiled.blocks[flight.key]
        flight.values = block.resolve(live.roots)
        flight.input_hash = input_hash(flight.values, block.config.reads(live.roots))
        config = block.build(flight.values)
        if isinstance(config, BlockError):
            raise BlockFailed(config)
        return config

    def context(self, live: LiveRun, flight: Flight) -> BlockContext:
        """The attempt as its block sees it."""
        return BlockContext(
            run_id=live.run_id,
            workspace_id=live.workspace_id,
            step_key=flight.key,
            attempt=flight.n,
            idempotency_key=idempotency_key(live.run_id, flight.key),
            roots=live.roots,
            deadline_monotonic=flight.deadline,
            secrets=live.secrets,
            cancelled=live.cancelled,
        )

    def land(self, live: LiveRun, flight: Flight, outcome: Any) -> None:
        """Take in how an attempt came out: a finished step, a retry, or the step's failure."""
        result = settled(outcome)
        if isinstance(result, BlockResult):
            output = clean_output(result.output, MAX_OUTPUT_BYTES)
            if isinstance(output, BlockError):
                result = output
            else:
                self.succeed(live, flight, output, result)
                return
        decision = decide_retry(live.compiled.blocks[flight.key].retry, flight.n, result, random.random())  # noqa: S311
        attempt_note(live, flight, result)
        if isinstance(decision, RetryAfter) and not live.router.stopping and not is_draining():
            due = time.monotonic() + decision.seconds
            heapq.heappush(self.timers, (due, next(self.order), live.run_id, flight.key))
            live.must_commit = True
        elif isinstance(decision, RetryAfter):
            live.router.withdraw([flight.key])
            live.withheld = True
        else:
            self.fail(live, flight, result)

    def succeed(self, live: LiveRun, flight: Flight, output: Any, result: BlockResult) -> None:
        """Record a completed step and go where it leads."""
        block = live.compiled.blocks[flight.key]
        attempt_note(live, flight, None)
        if result.cost is not None:
            live.write.cost = (live.write.cost or 0) + result.cost
        step = step_write(live, flight, StepStatus.COMPLETED)
        step.output = secrets_redact(output, live.secrets.values()) if live.secrets else output
        step.handle = result.handle
        live.record(step)
        live.must_commit = live.must_commit or block.effect is not Effect.PURE
        self.route(live, StepRecord(flight.key, StepStatus.COMPLETED, result.handle, output))

    def fail(self, live: LiveRun, flight: Flight, error: BlockError) -> None:
        """Record a failed step (its attempts are spent) and go where its error edge leads, if it has one."""
        step = step_write(live, flight, StepStatus.FAILED)
        step.error = error_shown(live, error)
        live.record(step)
        live.must_commit = True
        self.route(live, StepRecord(flight.key, StepStatus.FAILED, None, None, error))

    def route(self, live: LiveRun, record: StepRecord) -> None:
        """Tell routing of a finished step; what it answers waits in the run."""
        live.outputs[record.key] = block_value(record)
        live.take(live.router.finish(record))

    # ---- committing ----------------------------------------------------------------------------------------

    def commit(self) -> None:
        """Hand to the sink what must be known; drop what it refuses, take in what it starts."""
        while due := [live for live in self.live.values() if live.must_commit or live.write.end is not None]:
            writes = [live.next_write() for live in due]
            answer: Commit = patiently(partial(self.sink.commit, writes))
            for write in writes:
                if write.run_id in answer.refused:
                    self.drop(write.run_id)
                elif write.end is not None:
                    self.live.pop(write.run_id)
            self.admit(answer.started)

    def drop(self, run_id: UUID) -> None:
        """Stop a run that is no longer ours: tell its blocks, forget its attempts."""
        live = self.live.pop(run_id)
        self.let_go(live)

    def let_go(self, live: LiveRun) -> None:
        """Forget what is under way and what waits to be tried again, and tell the blocks."""
        live.cancelled.set()
        for key in list(live.in_flight):
            self.forget(live, key)
        self.timers = [timer for timer in self.timers if timer[2] != live.run_id]
        heapq.heapify(self.timers)

    def forget(self, live: LiveRun, key: str) -> None:
        """Let go of an attempt under way: end it if it can be ended, and ignore what it may still say."""
        live.in_flight.discard(key)
        flight = self.flights.pop((live.run_id, key), None)
        if flight is not None and flight.future is not None:
            flight.future.cancel()

    # ---- starting and waiting ------------------------------------------------------------------------------

    def start(self, live: LiveRun) -> None:
        """Start ready blocks up to the run's bound; unsafe ones are marked in the ledger before they go (W15)."""
        while live.ready and len(live.in_flight) < PARALLEL_BLOCKS:
            if live.must_commit or live.write.end is not None or live.run_id not in self.live:
                return
            key = live.ready.popleft()
            block = live.compiled.blocks[key]
            if block.effect is Effect.UNSAFE and not self.mark_unsafe(live, key):
                continue
            self.take_off(live, key)

    def mark_unsafe(self, live: LiveRun, key: str) -> bool:
        """Make sure that a crash from here on finds the step under way; ``False``: it was, and fails now."""
        flight = self.flight(live, key)
        if key in live.interrupted:
            attempt_note(live, flight, _INTERRUPTED)
            self.fail(live, flight, _INTERRUPTED)
            self.decide(live)
            return False
        live.attempts[key] -= 1
        live.write.steps.append(step_write(live, flight, StepStatus.RUNNING))
        write = live.next_write()
        answer = patiently(lambda: self.sink.commit([write]))
        if live.run_id in answer.refused:
            self.drop(live.run_id)
            return False
        return True

    def take_off(self, live: LiveRun, key: str) -> None:
        """Start one attempt; a config that cannot be resolved is an attempt that failed."""
        flight = self.flight(live, key)
        block, context = _block(live, key), self.context(live, flight)
        live.in_flight.add(key)
        self.flights[live.run_id, key] = flight
        try:
            config = self.prepare(live, flight)
        except Exception as error:  # noqa: BLE001 - as above
            self.landings.put((flight, error))
            return
        if block.runs_async(config):
            take_off_async(flight, lambda: block.run(context, config), self.landings)  # type: ignore[arg-type,return-value]
        else:
            take_off_thread(flight, lambda: block.run(context, config), self.landings)  # type: ignore[arg-type,return-value]

    def wait(self) -> None:
        """Wait for the next thing to happen, then take in all that has happened."""
        for flight, outcome in self.gather():
            live = self.live.get(flight.run_id)
            if live is None or self.flights.get((flight.run_id, flight.key)) is not flight:
                continue  # timed out, stopped, or refused meanwhile
            del self.flights[flight.run_id, flight.key]
            live.in_flight.discard(flight.key)
            live.busy_seconds += time.monotonic() - flight.started
            self.land(live, flight, outcome)
            self.decide(live)
        self.expire()
        self.wake()
        self.look()

    def gather(self) -> list[Landing]:
        """At least one landing, or none by the next timer; and all that have come in meanwhile."""
        found: list[Landing] = []
        try:
            found.append(self.landings.get(timeout=self.patience()))
            while True:
                found.append(self.landings.get_nowait())
        except Empty:
            return found

    def patience(self) -> float:
        """Seconds until something other than a landing is due."""
        moments = [self.looked + LOOK_SECONDS]
        moments += [flight.deadline for flight in self.flights.values() if flight.deadline is not None]
        moments += [self.timers[0][0]] if self.timers else []
        return max(0.0, min(moments) - time.monotonic())

    def expire(self) -> None:
        """Attempts and runs whose time is up end as ``timeout``, not as cancel (W17)."""
        now = time.monotonic()
        for live in self.live.values():
            if live.deadline is not None and live.deadline <= now and live.write.end is None:
                self.let_go(live)
                live.write.end = RunEnd(RunStatus.FAILED, error=_DEADLINE.as_json())
        late = [
            flight
            for flight in self.flights.values()
            if flight.deadline is not None and flight.deadline <= now
        ]
        for flight in late:
            live = self.live[flight.run_id]
            self.forget(live, flight.key)
            limit = live.compiled.blocks[flight.key].timeout_seconds
            message = f"The block took longer than {limit:g} s."
            self.land(live, flight, BlockFailed(BlockError(ErrorClass.TIMEOUT, "timeout", message)))
            self.decide(live)

    def wake(self) -> None:
        """Blocks whose back-off is over are ready again."""
        now = time.monotonic()
        while self.timers and self.timers[0][0] <= now:
            _, _, run_id, key = heapq.heappop(self.timers)
            live = self.live[run_id]
            live.ready.append(key)
            self.decide(live)

    def look(self) -> None:
        """Once a second: drop runs that were stopped or taken over; notice that this process was told to stop."""
        now = time.monotonic()
        if now - self.looked < LOOK_SECONDS:
            return
        self.looked = now
        leases = [(live.run_id, live.lease_token) for live in self.live.values()]
        for run_id in patiently(lambda: self.sink.lost(leases)):
            self.drop(run_id)
        if is_draining():
            for live in self.live.values():
                self.decide(live)


def _is_inline(block: CompiledBlock) -> bool:
    return block.effect is Effect.PURE


def _block(live: LiveRun, key: str) -> Block[Any]:
    found: Any = live.compiled.blocks[key].type
    return found  # type: ignore[no-any-return]  # the registry holds blocks; the engine knows them as BlockType
