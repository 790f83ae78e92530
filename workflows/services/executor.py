"""The executor: runs a batch of live runs to their ends (W7, W13a, W14). One run is a batch of one.

One thread coordinates the batch. Pure blocks run in it; others fly on the event loop or the thread pool, and the
thread waits for landings, retry timers and deadlines. What has been decided is gathered and handed to the sink in
one short commit:

* a run's end, and a finished step with an effect or a cost, are committed before anything else starts (W14);
* records of pure steps ride with the next commit (W15), so a short run of pure blocks costs its claim and its end;
* a run that can only wait is parked: it leaves the process, and a timer or an answer brings it back (W19, W21).

No database connection is held while a block runs. A run that the sink refuses is dropped without a word: its lease
moved, and whoever holds it now goes on from the ledger.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Sequence
from functools import partial
from itertools import count
from queue import Empty
from uuid import UUID

from workflows.blocks.base import BlockFailed
from workflows.engine.types import BlockError, Effect, ErrorClass
from workflows.services import answering, containers, landing, parking, starting, telling
from workflows.services.feed import Feed
from workflows.services.flights import Flight, Landing, Landings
from workflows.services.instances import is_draining
from workflows.services.ledger import Commit, RunEnd, Sink
from workflows.services.live import LiveRun
from workflows.services.patience import patiently
from workflows.states import RunStatus

PARALLEL_BLOCKS = 8
"""Blocks of one run under way at once (W7)."""

LOOK_SECONDS = 1.0
"""How often a waiting executor asks whether its runs are still its own: a Stop is seen within 2 s (W17)."""

_DEADLINE = BlockError(ErrorClass.TIMEOUT, "deadline_passed", "The run's deadline has passed.")


def execute(batch: Sequence[LiveRun], sink: Sink) -> None:
    """Run the batch, and whatever the sink starts in its wake, until nothing is left.

    Raises what the sink raises once its patience with an outage has ended; the runs then stay with their lease.
    """
    execution = Execution(sink)
    try:
        execution.run(batch)
    finally:
        for run_id in list(execution.live):  # broken off: blocks still under way have nobody to land with
            execution.drop(run_id)


class Execution:
    """One call of ``execute``: the live runs, the attempts under way, the retry timers."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.feed = Feed()
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
                self.feed.flush()
                self.wait()

    def admit(self, runs: Sequence[LiveRun]) -> None:
        """Take runs into the batch and decide as much as can be decided at once."""
        for live in runs:
            self.live[live.run_id] = live
        self.expire_runs()
        answering.answers_take(self, [live for live in runs if live.waiting])
        for live in runs:
            self.decide(live)

    # ---- deciding ------------------------------------------------------------------------------------------

    def decide(self, live: LiveRun) -> None:
        """Do what takes no waiting until none of that is left; then see whether the run is over, or can only wait."""
        while live.write.end is None:
            if live.ended:
                containers.container_conclude(self, live, live.ended.popleft())
            elif live.asks:
                containers.container_ask(self, live, live.asks.popleft())
            elif live.ready and not is_draining():
                self.sort_out(live, live.ready.popleft())
            elif not parking.stopped_withdraw(self, live):
                break
        parking.leave_if_idle(self, live)

    def sort_out(self, live: LiveRun, key: str) -> None:
        """What becomes of a ready step: opened, done here and now, or put where it waits to be started."""
        block = live.block(key)
        if live.router.stopped(key):
            live.take(live.router.withdraw([key]))
        elif block.type.container:
            containers.container_open(self, live, key)
        elif block.effect is Effect.PURE:
            starting.attempt_inline(self, live, key)
        else:
            live.startable.append(key)

    # ---- committing ----------------------------------------------------------------------------------------

    def commit(self) -> None:
        """Hand to the sink what must be known; drop what it refuses, take in what it starts."""
        while due := [live for live in self.live.values() if live.must_commit or live.write.end is not None]:
            writes = [live.next_write() for live in due]
            answer: Commit = patiently(partial(self.sink.commit, writes))
            for write in writes:
                if write.run_id in answer.refused:
                    self.drop(write.run_id)
                    continue
                live = self.live[write.run_id]
                telling.tell_committed(self.feed, live, write)
                if write.end is not None:
                    del self.live[write.run_id]
            self.feed.flush([write.run_id for write in writes])
            self.admit(answer.started)

    def drop(self, run_id: UUID) -> None:
        """Stop a run that is no longer ours: tell its blocks, forget its attempts."""
        self.feed.drop(run_id)
        self.let_go(self.live.pop(run_id))

    def let_go(self, live: LiveRun) -> None:
        """Forget what is under way and what waits to be tried again, and tell the blocks."""
        live.cancelled.set()
        for key in list(live.in_flight):
            self.forget(live, key)
        self.timers_forget(live, None)

    def forget(self, live: LiveRun, key: str) -> None:
        """Let go of an attempt under way: end it if it can be ended, and ignore what it may still say."""
        live.in_flight.discard(key)
        flight = self.flights.pop((live.run_id, key), None)
        if flight is not None and flight.future is not None:
            flight.future.cancel()

    # ---- timers of this process ----------------------------------------------------------------------------

    def timer_set(self, live: LiveRun, key: str, seconds: float) -> None:
        """Have a step be ready again after a short while."""
        heapq.heappush(self.timers, (time.monotonic() + seconds, next(self.order), live.run_id, key))

    def timers_of(self, live: LiveRun) -> list[str]:
        """The steps of a run that wait for a timer of this process."""
        return [key for _, _, run_id, key in self.timers if run_id == live.run_id]

    def timers_forget(self, live: LiveRun, keys: set[str] | None) -> None:
        """Take back the timers of these steps of a run; None: all of them."""
        self.timers = [
            timer
            for timer in self.timers
            if timer[2] != live.run_id or (keys is not None and timer[3] not in keys)
        ]
        heapq.heapify(self.timers)

    # ---- starting and waiting ------------------------------------------------------------------------------

    def start(self, live: LiveRun) -> None:
        """Start blocks up to the run's bound; unsafe ones are marked in the ledger before they go (W15)."""
        while live.startable and len(live.in_flight) < PARALLEL_BLOCKS and not is_draining():
            if live.must_commit or live.write.end is not None or live.run_id not in self.live:
                return
            key = live.startable.popleft()
            effect = live.block(key).effect
            if effect is Effect.DATABASE:
                starting.attempt_in_commit(self, live, key)
            elif effect is not Effect.UNSAFE or starting.unsafe_mark(self, live, key):
                starting.take_off(self, live, key)

    def wait(self) -> None:
        """Wait for the next thing to happen, then take in all that has happened."""
        for flight, outcome in self.gather():
            live = self.live.get(flight.run_id)
            if live is None or self.flights.get((flight.run_id, flight.key)) is not flight:
                continue  # timed out, stopped, or refused meanwhile
            del self.flights[flight.run_id, flight.key]
            live.in_flight.discard(flight.key)
            live.busy_seconds += time.monotonic() - flight.started
            landing.land(self, live, flight, outcome)
            self.decide(live)
        self.expire_runs()
        self.expire_flights()
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
        held = parking.next_due_seconds(self.live.values())
        moments += [time.monotonic() + held] if held is not None else []
        return max(0.0, min(moments) - time.monotonic())

    def expire_runs(self) -> None:
        """Runs whose time is up end as ``timeout``, not as cancel (W17)."""
        now = time.monotonic()
        for live in self.live.values():
            if live.deadline is not None and live.deadline <= now and live.write.end is None:
                self.let_go(live)
                parking.waiting_withdraw(live, list(live.waiting))
                live.write.end = RunEnd(RunStatus.FAILED, error=_DEADLINE.as_json())

    def expire_flights(self) -> None:
        """Attempts whose time is up end as ``timeout`` (W17)."""
        now = time.monotonic()
        late = [
            flight
            for flight in self.flights.values()
            if flight.deadline is not None and flight.deadline <= now
        ]
        for flight in late:
            live = self.live[flight.run_id]
            self.forget(live, flight.key)
            limit = live.block(flight.key).timeout_seconds
            message = f"The block took longer than {limit:g} s."
            landing.land(self, live, flight, BlockFailed(BlockError(ErrorClass.TIMEOUT, "timeout", message)))
            self.decide(live)

    def wake(self) -> None:
        """Blocks whose back-off is over are ready again; so is what a held wait was for."""
        now = time.monotonic()
        while self.timers and self.timers[0][0] <= now:
            _, _, run_id, key = heapq.heappop(self.timers)
            live = self.live[run_id]
            live.ready.append(key)
            self.decide(live)
        due = [live for live in self.live.values() if parking.is_due(live)]
        self.answers(due)

    def answers(self, runs: Sequence[LiveRun]) -> None:
        """Go on with what has been answered, or has waited long enough."""
        answering.answers_take(self, runs)
        for live in runs:
            self.decide(live)

    def look(self) -> None:
        """Once a second: drop runs that were stopped or taken over, see what was answered, notice a shutdown."""
        now = time.monotonic()
        if now - self.looked < LOOK_SECONDS:
            return
        self.looked = now
        self.feed.look()
        leases = [(live.run_id, live.lease_token) for live in self.live.values()]
        for run_id in patiently(lambda: self.sink.lost(leases)):
            self.drop(run_id)
        self.answers([live for live in self.live.values() if live.waiting])
        if is_draining():
            for live in self.live.values():
                self.decide(live)
