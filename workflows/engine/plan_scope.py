"""The plan of one scope and of the containers in it: which steps stand, which rerun, which are left out (W24–W26).

Iterations of a container are planned like the top, but that every block of theirs counts. Where iterations run one
after the other, the first one that runs anything again is followed by fresh ones; in a parallel each is by itself.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from workflows.engine.iterations import iteration_limit, iteration_window
from workflows.engine.plan_draft import Draft
from workflows.engine.plan_reach import Reach, backward, forward, reach
from workflows.engine.plan_start import Start
from workflows.engine.plan_types import PlanMode, PlanRefused, Reason, SourceRun, SourceStep
from workflows.engine.plan_walk import Judge, Scope, Walk, taken_handle
from workflows.engine.scopes import TOP, block_of, iteration_path, step_key
from workflows.engine.types import Opening, StepStatus
from workflows.states import STEP_FINISHED


@dataclass(frozen=True, slots=True)
class _Pass:
    """How one scope is planned. ``target`` is the block to begin at, ``number`` the iteration to go into below it.

    ``owner`` is the container that speaks for stale steps in here, None when each speaks for itself. ``alone`` says
    that the start runs alone, so that nothing else in here begins, whatever it lacks (W28).
    """

    mode: PlanMode
    target: int | None = None
    number: int | None = None
    cut_short: bool = False
    owner: str | None = None
    alone: bool = False


class ScopePlanner:
    """Plans scope after scope into a draft, from the top downwards."""

    def __init__(
        self, judge: Judge, draft: Draft, source: SourceRun, start: Start, mode: PlanMode, *, single: bool
    ) -> None:
        self._judge = judge
        self._version = judge.version
        self._draft = draft
        self._source = source
        self._start = start
        self._mode = mode
        self._single = single
        self._stale_inside: set[str] = set()
        self._lacking: dict[str, str] = {}

    def plan(self, stop: str | None) -> None:
        """Plan the whole, up to the block ``stop`` at the top if one is named. Raises `PlanRefused` (``not_alone``)."""
        root = self._version.root
        self._draft.held_back = self._single or stop is not None
        allowed = None if stop is None else backward(root, [root.index[stop]])
        self._scope(self._judge.top(), self._pass(TOP), allowed)
        for key, block in self._lacking.items():
            if self._draft.may_start(block):
                raise _not_alone(key, "this step has no result, and would run as well")

    def _pass(self, path: str) -> _Pass:
        block, number = self._start.levels[path]
        parent = self._version.blocks[block].spec.parent
        return _Pass(self._mode, self._version.scopes[parent].index[block], number, alone=self._single)

    def _scope(self, scope: Scope, how: _Pass, allowed: Collection[int] | None = None) -> bool:
        """Plan a scope. Answers whether anything in it runs again."""
        graph = scope.graph
        apart: Collection[int] = ()
        if how.target is not None:
            apart = forward(graph, [how.target])
            if how.alone:
                allowed = backward(graph, [how.target])
        walk = self._judge.walk(scope, how.mode, apart, cut_short=how.cut_short)
        if how.cut_short and self._goes_on(walk, how):
            how = replace(how, cut_short=False)
            walk = self._judge.walk(scope, how.mode, apart)
        found = reach(
            graph,
            walk,
            how.target,
            lambda i: self._decides(scope, i),
            allowed=allowed,
            all_needed=scope.path != TOP and not how.alone,
        )
        return self._settle(scope, how, walk, found)

    def _goes_on(self, walk: Walk, how: _Pass) -> bool:
        """Whether something in a scope that may have been ended by a failure runs again.

        Either none stands that could have ended it: it only broke off. Or other steps there are stale, and would never
        start beside a failure that stands, which is therefore tried again as well.
        """
        return not walk.kept or (any(walk.reruns) and not how.alone)

    def _decides(self, scope: Scope, i: int) -> bool:
        """Whether a block may be left by other ports than before, so that what it leads to is open again."""
        block = self._version.blocks[scope.graph.keys[i]]
        return scope.graph.catches[i] or len(block.type.handles(block.spec.config)) > 1

    def _settle(self, scope: Scope, how: _Pass, walk: Walk, found: Reach) -> bool:
        """Fold what stands over the scope, as a router will, and note each step. Answers whether any runs again."""
        graph = scope.graph
        undecided = list(graph.degrees)
        live = [0] * len(undecided)
        for i in graph.entries:
            live[i] = 1
        runs = False
        for i in graph.order:
            step = scope.steps.get(graph.keys[i])
            handle: str | None = None
            if undecided[i] or live[i]:
                reason = self._reason(walk, found, i, how)
                if reason is not None:
                    runs = True
                    stale = undecided[i] > 0 if i in found.inside else walk.stale[i]
                    self._rerun(scope, how, i, reason, stale=stale, leads=i not in found.inside)
                    continue
                handle = self._stand(scope, how, walk, found, i, step)
                if handle is None:
                    continue
            else:
                self._skip(scope, how, i, step)
            for port, target in graph.outgoing[i]:
                undecided[target] -= 1
                live[target] += port == handle
        return runs

    def _reason(self, walk: Walk, found: Reach, i: int, how: _Pass) -> Reason | None:
        """Why a block runs again; None when it does not."""
        if i in found.inside:
            is_target = i == how.target and how.number is None
            return Reason.TARGET if is_target else Reason.DOWNSTREAM
        if walk.reruns[i] and (found.needed is None or i in found.needed):
            return walk.reasons[i]
        return None

    def _skip(self, scope: Scope, how: _Pass, i: int, step: SourceStep | None) -> None:
        """Nothing leads to a block: it is skipped, as it was perhaps before."""
        key = step_key(scope.path, scope.graph.keys[i])
        if step is not None and step.status is StepStatus.SKIPPED:
            self._draft.reuse(key)
        else:
            self._draft.may_be_skipped(scope.graph.keys[i])
        if i == how.target:
            self._draft.warn(key, "start_not_reached", "The decisions before this step lead elsewhere.")

    def _stand(
        self, scope: Scope, how: _Pass, walk: Walk, found: Reach, i: int, step: SourceStep | None
    ) -> str | None:
        """Keep a step with its result, or leave it out. Answers the port it was left by; None when it stays open."""
        block = scope.graph.keys[i]
        key = step_key(scope.path, block)
        if i in found.cut and not how.alone:
            return None
        handle = None if step is None else taken_handle(scope.graph, i, step)
        if handle is not None or i in walk.kept:
            self._draft.reuse(key)
            self._keep_inside(key, block)
            self._tell_stale(key, walk.reasons[i], how, is_needed=found.needed is None or i in found.needed)
            return handle
        if how.alone and scope.path != TOP and not walk.kept:
            self._lacking[key] = block
        if not how.cut_short:
            self._draft.held_back = True
            if walk.reasons[i] is not None:
                self._draft.warn(key, "left_out", "This step has no result, and does not lead to the start.")
        return None

    def _tell_stale(self, key: str, reason: Reason | None, how: _Pass, *, is_needed: bool) -> None:
        if reason is None:
            return
        if how.owner is not None:
            self._stale_inside.add(how.owner)
        elif is_needed:
            self._draft.warn(key, "pinned", f"This step keeps its earlier result although: {reason}.")
        else:
            message = (
                f"This step keeps its earlier result, as it does not lead to the start, although: {reason}."
            )
            self._draft.warn(key, "changed_elsewhere", message)

    def _keep_inside(self, container: str, block: str) -> None:
        """Keep all finished steps inside a container that stands."""
        graph = self._version.scopes.get(block)
        if graph is None:
            return
        for number in self._judge.index.iterations(container):
            path = iteration_path(container, number)
            steps = self._judge.index.scope(path)
            for i in graph.order:
                step = steps.get(graph.keys[i])
                if step is not None and step.status in STEP_FINISHED:
                    key = step_key(path, graph.keys[i])
                    self._draft.reuse(key)
                    self._keep_inside(key, graph.keys[i])

    def _rerun(self, scope: Scope, how: _Pass, i: int, reason: Reason, *, stale: bool, leads: bool) -> None:
        """Note a step that runs again; a container goes on from what still stands inside, if it can.

        ``stale`` says that something before it has changed, ``leads`` that it stands before the start. Behind that,
        only the container on the way down to the start goes on; all others restart.
        """
        block = scope.graph.keys[i]
        key = step_key(scope.path, block)
        self._draft.rerun(key, reason)
        if block not in self._version.scopes:
            return
        number = how.number if i == how.target else None
        opening = self._source.openings.get(key)
        if how.alone and number is not None:
            self._check_whole(key, opening, scope.steps.get(block))
        goes_on = (leads or number is not None) and self._may_reopen(
            how.mode, block, scope.steps.get(block), stale=stale
        )
        if goes_on and opening is not None:
            self._draft.reopen(key)
            self._inside(key, block, opening, how, number)
            return
        self._draft.iterations_anew(key)
        if number is not None:
            self._draft.warn(key, "restarts_whole", "This container has changed, and restarts as a whole.")

    def _check_whole(self, container: str, opening: Opening | None, step: SourceStep | None) -> None:
        """A block inside runs alone only where all iterations are over: others would begin, or go on, beside it."""
        if step is None or step.status is not StepStatus.COMPLETED or opening is None:
            raise _not_alone(container, "this container did not complete")
        if len(self._judge.index.iterations(container)) < iteration_limit(opening):
            raise _not_alone(container, "this container may go on with further iterations")

    def _may_reopen(self, mode: PlanMode, block: str, step: SourceStep | None, *, stale: bool) -> bool:
        """Whether a container would open as it did before."""
        if step is None:
            return False
        return mode is PlanMode.PINNED or self._judge.own_reason(block, step, stale=stale) is None

    def _inside(self, container: str, block: str, opening: Opening, how: _Pass, chosen: int | None) -> None:
        """Plan the iterations of a reopened container; ``chosen`` is the one that the start is in."""
        in_sequence = iteration_window(opening) == 1
        begun = self._judge.index.iterations(container)
        goes_on = len(begun) < iteration_limit(opening)
        for number in begun:
            is_chosen = number == chosen
            runs = self._iteration(
                container, block, number, self._inner(container, opening, how, number, chosen)
            )
            if runs and in_sequence and not (how.alone and chosen is not None):
                goes_on = number + 1 < iteration_limit(opening)
                if chosen is not None and not is_chosen:
                    message = f"Iteration {number} has no result, so that this container goes on from there."
                    self._draft.warn(container, "restarts_earlier", message)
                break
        if goes_on:
            self._draft.iterations_anew(container)
        if container in self._stale_inside:
            message = "Other iterations keep results that have changed since."
            self._draft.warn(container, "changed_elsewhere", message)

    def _inner(self, container: str, opening: Opening, how: _Pass, number: int, chosen: int | None) -> _Pass:
        if number == chosen:
            return self._pass(iteration_path(container, number))
        if chosen is None:
            return _Pass(how.mode, cut_short=opening.collect, owner=how.owner)
        return _Pass(PlanMode.PINNED, cut_short=opening.collect, owner=container, alone=how.alone)

    def _iteration(self, container: str, block: str, number: int, how: _Pass) -> bool:
        entered = self._judge.enter(container, block, number)
        runs = self._scope(self._judge.iteration(container, block, number), how)
        self._judge.leave(entered)
        return runs


def _not_alone(step: str, why: str) -> PlanRefused:
    return PlanRefused("not_alone", block_of(step), f"{step!r} keeps the start from running alone: {why}")
