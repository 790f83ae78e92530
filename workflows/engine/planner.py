"""What a rerun from a block keeps, runs and drops: pure, and the dry run itself (W24–W28).

    plan = plan_rerun(source, target, roots, "score", PlanMode.STRICT)
    plan.reuse, [(planned.step, planned.reason) for planned in plan.rerun], plan.plan_hash

The start and all that it reaches rerun. Of the steps that lead there, the stale ones rerun before it (strict), or keep
their results (pinned). Everything else stands as it is, and is left out if it has no result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.engine.plan_draft import Draft
from workflows.engine.plan_reach import backward, forward
from workflows.engine.plan_scope import ScopePlanner
from workflows.engine.plan_source import SourceIndex
from workflows.engine.plan_start import Start, check_iterations, containers_of, parse_start
from workflows.engine.plan_types import (
    Plan,
    PlanMode,
    PlannedEffect,
    PlannedStep,
    PlanRefused,
    PlanWarning,
    Reason,
    SourceRun,
    SourceStep,
)
from workflows.engine.plan_walk import Judge
from workflows.engine.scopes import TOP
from workflows.engine.version import CompiledVersion

__all__ = [
    "Plan",
    "PlanMode",
    "PlanRefused",
    "PlanWarning",
    "PlannedEffect",
    "PlannedStep",
    "Reason",
    "SourceRun",
    "SourceStep",
    "plan_rerun",
]

_NO_SOURCE = SourceRun("", {})


def plan_rerun(
    source: SourceRun | None,
    target: CompiledVersion,
    roots: Mapping[str, Any],
    start: str | None,
    mode: PlanMode,
    stop_after: str | None = None,
    *,
    single: bool = False,
) -> Plan:
    """The plan of a rerun of ``source`` in the version ``target``, from ``start`` on (`plan_start`).

    ``roots`` are those of the new run: ``input``, ``row``, ``vars``, ``secrets``, ``run``. Without a source, or without
    a start, everything runs. ``stop_after`` ends the run there (W28). ``single`` runs the start alone, on the results
    that stand; what lies behind it keeps its own. Raises `PlanRefused`.
    """
    mode = PlanMode.PINNED if single else mode
    begin = None if start is None else parse_start(target, start)
    draft = Draft(target, source or _NO_SOURCE)
    stop = None if stop_after is None else _stop(target, draft, stop_after)
    if begin is not None and begin.within is not None:
        message = f"{begin.within!r} stands in {begin.block!r}, which restarts as a whole."
        draft.warn(begin.block, "whole_container", message)
    if begin is not None and stop is not None:
        _check_stop(target, begin, stop)
    if source is None or begin is None:
        _plan_full(target, draft, source, begin, begin.levels[TOP][0] if begin and single else stop)
    else:
        index = SourceIndex(source)
        check_iterations(begin, index)
        judge = Judge(target, source, index, roots)
        ScopePlanner(judge, draft, source, begin, mode, single=single).plan(stop)
    asked = [None if source is None else source.run_id, start, str(mode), stop_after, single]
    return draft.plan(asked, is_full=source is None or begin is None)


def _plan_full(
    version: CompiledVersion, draft: Draft, source: SourceRun | None, begin: Start | None, stop: str | None
) -> None:
    """Everything runs, up to ``stop``."""
    graph = version.root
    allowed = None if stop is None else backward(graph, [graph.index[stop]])
    draft.held_back = allowed is not None and len(allowed) < len(graph.keys)
    if source is None:
        draft.warn(None, "no_earlier_run", "There is no earlier run to start from, so that everything runs.")
    seeds = [graph.index[begin.levels[TOP][0]]] if begin is not None else []
    after = forward(graph, seeds if source is None else graph.entries)
    for i in graph.order:
        if allowed is not None and i not in allowed:
            continue
        if i in seeds or (source is not None and i in graph.entries):
            reason = Reason.TARGET
        else:
            reason = Reason.DOWNSTREAM if i in after else Reason.NO_RESULT
        draft.rerun(graph.keys[i], reason)
        if graph.keys[i] in version.scopes:
            draft.iterations_anew(graph.keys[i])


def _stop(version: CompiledVersion, draft: Draft, named: str) -> str:
    """The block at the top after which the run ends: the named one, or the container around it."""
    around = containers_of(version, named)
    if not around:
        return named
    draft.warn(around[0], "whole_container", f"{named!r} stands in {around[0]!r}, which runs to its end.")
    return around[0]


def _check_stop(version: CompiledVersion, begin: Start, stop: str) -> None:
    graph = version.root
    block = begin.levels[TOP][0]
    if graph.index[stop] not in forward(graph, [graph.index[block]]):
        raise PlanRefused("stop_unreachable", stop, f"no path leads from {block!r} to {stop!r}")
