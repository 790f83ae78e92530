"""Reruns of iterations that wait for their turn: what they keep is there when they begin (W24, W26)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bed.engine import Engine, counting, engine, worker
from tests.bed.running import Probe, probe
from tests.integration.workflows.people import ACTOR
from workflows.models import Run
from workflows.services.reruns import Asked, rerun_plan, rerun_start
from workflows.services.versions import version_for_ref

__all__ = ["engine", "probe", "worker"]


def rerun(engine: Engine, flow: Any, source: Run, start: str) -> Run:
    flow.refresh_from_db()
    version = version_for_ref(flow, "live")
    plan = rerun_plan(workflow=flow, version=version, source=source, asked=Asked(start=start))
    run = rerun_start(rerun=plan, actor=ACTOR)
    engine.work()
    return engine.fresh(run)


def called(probe: Probe) -> list[str]:
    return sorted(call.key for call in probe.calls)


@pytest.mark.rule("W24", "W26")
def test_a_parallel_with_fewer_places_than_items(engine: Engine, probe: Probe) -> None:
    def blocks(text: str) -> list[dict[str, Any]]:
        each = {"mode": "each", "items": ["a", "b", "c", "d"], "concurrency": 2}
        return [
            {"key": "each", "type": "parallel", "config": each},
            counting("kept", "{{ item }}", parent="each"),
            counting("edited", "{{ blocks.kept }}" + text, parent="each"),
            counting("end"),
        ]

    edges = [("kept", "edited"), ("each", "end")]
    flow = engine.workflow(blocks(""), edges)
    source = engine.run(flow)
    engine.edit(flow, blocks("!"), edges)
    probe.calls.clear()
    run = rerun(engine, flow, source, "end")
    assert (run.status, engine.outputs(run)["each"]["results"]) == ("completed", ["a!", "b!", "c!", "d!"])
    assert called(probe) == [*(f"each[{number}]/edited" for number in range(4)), "end"]


@pytest.mark.rule("W24", "W26")
def test_a_loop_that_goes_on_in_an_iteration_whose_turn_comes_later(engine: Engine, probe: Probe) -> None:
    def blocks(text: str) -> list[dict[str, Any]]:
        outer = {"mode": "each", "items": ["a", "b", "c", "d"], "concurrency": 2}
        return [
            {"key": "outer", "type": "parallel", "config": outer},
            counting("before", "{{ item }}", parent="outer"),
            {
                "key": "inner",
                "type": "loop",
                "config": {"mode": "each", "items": ["{{ blocks.before }}", "2"]},
                "parent": "outer",
            },
            counting("kept", "{{ item }}", parent="inner"),
            counting("edited", "{{ blocks.before }}{{ blocks.kept }}" + text, parent="inner"),
            counting("end"),
        ]

    edges = [("before", "inner"), ("kept", "edited"), ("outer", "end")]
    flow = engine.workflow(blocks(""), edges)
    source = engine.run(flow)
    assert source.status == "completed"
    engine.edit(flow, blocks("!"), edges)
    probe.calls.clear()
    run = rerun(engine, flow, source, "end")
    assert run.status == "completed"
    results = [inner["results"] for inner in engine.outputs(run)["outer"]["results"]]
    assert results == [[f"{item}{item}!", f"{item}2!"] for item in "abcd"]
    again = [f"outer[{number}]/inner[{turn}]/edited" for number in range(4) for turn in range(2)]
    late = [f"outer[{number}]/inner[1]/kept" for number in range(4)]
    assert called(probe) == sorted([*again, *late, "end"])
