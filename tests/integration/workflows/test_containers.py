"""Loops and parallels on a real ledger: results by index, policies, restarts in the middle (W10, W14)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.bed.engine import Engine, counting, engine, worker
from tests.bed.running import Probe, probe
from workflows.blocks.base import BlockFailed
from workflows.engine.types import ErrorClass

__all__ = ["engine", "probe", "worker"]


def each(key: str, items: Any, **config: Any) -> dict[str, Any]:
    return {"key": key, "type": "loop", "config": {"mode": "each", "items": items, **config}}


def beside(key: str, items: Any, **config: Any) -> dict[str, Any]:
    return {"key": key, "type": "parallel", "config": {"mode": "each", "items": items, **config}}


def setting(key: str, parent: str, value: str) -> dict[str, Any]:
    return {"key": key, "type": "set", "parent": parent, "config": {"fields": {"v": value}}}


@pytest.mark.rule("W10")
def test_a_loop_gives_its_results_in_order_under_keyed_steps(engine: Engine) -> None:
    flow = engine.workflow(
        [each("each", "{{ input.names }}"), setting("greet", "each", "{{ index }}:{{ item }}")]
    )
    run = engine.run(flow, names=["a", "b"])
    assert run.status == "completed"
    assert run.result == {"results": [{"v": "0:a"}, {"v": "1:b"}], "count": 2}
    assert set(engine.steps(run)) == {"each", "each[0]/greet", "each[1]/greet"}


@pytest.mark.rule("W10")
@pytest.mark.parametrize("kind", ["loop", "parallel"])
@pytest.mark.parametrize(
    "config", [{"mode": "count", "count": 0}, {"mode": "each", "items": "{{ input.none }}"}]
)
def test_zero_means_zero(engine: Engine, kind: str, config: dict[str, Any]) -> None:
    flow = engine.workflow([{"key": "c", "type": kind, "config": config}, setting("x", "c", "never")])
    run = engine.run(flow, none=[])
    assert (run.status, run.result) == ("completed", {"results": [], "count": 0})


@pytest.mark.rule("W10")
def test_a_while_loop_goes_on_until_its_condition_says_no(engine: Engine) -> None:
    loop = {"key": "w", "type": "loop", "config": {"mode": "while", "condition": "index < input.n"}}
    flow = engine.workflow([loop, setting("x", "w", "{{ index }}")])
    assert engine.run(flow, n=3).result["count"] == 3
    assert engine.run(flow, n=0).result["count"] == 0


@pytest.mark.rule("W10")
def test_a_while_loop_reads_what_the_iteration_before_gave(engine: Engine) -> None:
    loop = {
        "key": "w",
        "type": "loop",
        "config": {"mode": "while", "condition": "index == 0 or blocks.w.previous.v < 40"},
    }
    flow = engine.workflow([loop, setting("x", "w", "{{ 1 if index == 0 else blocks.w.previous.v * 3 }}")])
    assert [result["v"] for result in engine.run(flow).result["results"]] == [1, 3, 9, 27, 81]


@pytest.mark.rule("W10")
def test_a_while_loop_without_end_stops_at_its_cap(engine: Engine) -> None:
    loop = {"key": "w", "type": "loop", "config": {"mode": "while", "condition": "true", "max_iterations": 7}}
    run = engine.run(engine.workflow([loop, setting("x", "w", "{{ index }}")]))
    assert (run.status, run.result["count"], run.result["capped"]) == ("completed", 7, True)


@pytest.mark.rule("W10")
def test_a_while_loop_whose_condition_errs_fails(engine: Engine) -> None:
    loop = {"key": "w", "type": "loop", "config": {"mode": "while", "condition": "input.missing > 1"}}
    run = engine.run(engine.workflow([loop, setting("x", "w", "never")]))
    assert (run.status, run.error["block"]) == ("failed", "w")


def seventh_fails(tag: Any, _context: object) -> Any:
    if tag == 6:
        raise BlockFailed.because(ErrorClass.VALIDATION, "bad_item", "the seventh is bad")
    return tag


@pytest.mark.rule("W10")
def test_forty_items_of_which_the_seventh_fails_collected(engine: Engine, probe: Probe) -> None:
    probe.does = seventh_fails
    flow = engine.workflow(
        [
            beside("all", "{{ input.items }}", on_branch_error="collect", concurrency=8),
            counting("one", "{{ item }}", parent="all"),
        ]
    )
    run = engine.run(flow, items=list(range(40)))
    assert run.status == "completed"
    assert run.result["results"] == [None if i == 6 else i for i in range(40)]
    assert [(error["index"], error["error"]["code"]) for error in run.result["errors"]] == [(6, "bad_item")]


@pytest.mark.rule("W10", "W11")
def test_forty_items_of_which_the_seventh_fails_fail(engine: Engine, probe: Probe) -> None:
    probe.does = seventh_fails
    flow = engine.workflow(
        [
            beside("all", "{{ input.items }}", concurrency=4),
            counting("one", "{{ item }}", parent="all"),
        ]
    )
    run = engine.run(flow, items=list(range(40)))
    assert (run.status, run.error["code"], run.error["block"]) == ("failed", "bad_item", "all[6]/one")
    assert len(probe.calls) < 40
    assert engine.steps(run)["all"].status == "failed"


@pytest.mark.rule("W10", "W8")
def test_a_failing_container_leaves_by_its_error_edge(engine: Engine, probe: Probe) -> None:
    probe.does = seventh_fails
    flow = engine.workflow(
        [
            beside("all", "{{ input.items }}"),
            counting("one", "{{ item }}", parent="all"),
            {"key": "rescue", "type": "set", "config": {"fields": {"why": "{{ blocks.all.error.code }}"}}},
        ],
        [("all", "error", "rescue")],
    )
    run = engine.run(flow, items=[6])
    assert (run.status, run.result) == ("completed", {"why": "bad_item"})


@pytest.mark.rule("W10")
def test_containers_nest_and_inner_blocks_see_outer_items(engine: Engine) -> None:
    flow = engine.workflow(
        [
            each("outer", "{{ input.rows }}"),
            {**beside("inner", "{{ item }}"), "parent": "outer"},
            setting(
                "cell", "inner", "{{ blocks.outer.index }}{{ index }}{{ item }}{{ blocks.outer.item|length }}"
            ),
        ]
    )
    run = engine.run(flow, rows=[["a", "b"], ["c"]])
    inner = [result["results"] for result in run.result["results"]]
    assert inner == [[{"v": "00a2"}, {"v": "01b2"}], [{"v": "10c1"}]]
    assert "outer[0]/inner[1]/cell" in engine.steps(run)


@pytest.mark.rule("W10")
def test_nested_ten_deep(engine: Engine) -> None:
    blocks = [
        {**each(f"l{i}", "{{ [1, 2] }}" if i == 9 else "{{ [1] }}"), **({"parent": f"l{i - 1}"} if i else {})}
        for i in range(10)
    ]
    run = engine.run(engine.workflow([*blocks, setting("leaf", "l9", "{{ index }}")]))
    assert run.status == "completed"
    leaf = "/".join([*(f"l{i}[0]" for i in range(9)), "l9[1]", "leaf"])
    assert leaf in engine.steps(run)


@pytest.mark.rule("W10")
def test_ten_thousand_items(engine: Engine) -> None:
    flow = engine.workflow(
        [beside("all", "{{ input.items }}", max_iterations=10_000), setting("x", "all", "{{ item }}")]
    )
    run = engine.run(flow, items=list(range(10_000)))
    assert run.status == "completed"
    assert engine.outputs(run)["all"]["results"][9_999] == {"v": 9_999}
    assert len(engine.steps(run)) == 10_001


@pytest.mark.rule("W10", "W14")
def test_a_worker_lost_in_the_middle_of_a_loop_repeats_no_finished_iteration(
    engine: Engine, probe: Probe
) -> None:
    flow = engine.workflow([each("each", "{{ input.items }}"), counting("one", "{{ item }}", parent="each")])
    engine.dies_at_commit(3)
    run = engine.start(flow, items=["a", "b", "c", "d"])
    engine.work()
    engine.recover()
    engine.work()
    assert engine.fresh(run).result["results"] == ["a", "b", "c", "d"]
    assert probe.counts() == {"a": 1, "b": 1, "c": 2, "d": 1}


@pytest.mark.rule("W7")
def test_a_thousand_blocks(engine: Engine) -> None:
    keys = [f"b{i}" for i in range(1_000)]
    blocks = [
        {
            "key": key,
            "type": "set",
            "config": {"fields": {"n": f"{{{{ blocks.{keys[i - 1]}.n + 1 }}}}" if i else 1}},
        }
        for i, key in enumerate(keys)
    ]
    run = engine.run(engine.workflow(blocks, list(pairwise(keys))))
    assert (run.status, run.result) == ("completed", {"n": 1_000})


@pytest.mark.rule("F21", "F22", "F23")
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("x" * (1024 * 1024 + 1), "output_too_large"),
        ("x" * (10 * 1024 * 1024), "output_too_large"),
        (float("nan"), "bad_output"),
        ("deep", "bad_output"),
    ],
    ids=["1 MB and more", "10 MB", "NaN", "depth 5,000"],
)
def test_outputs_that_cannot_be_kept_fail_their_step_and_nothing_else(
    engine: Engine, probe: Probe, answer: Any, code: str
) -> None:
    def deep() -> Any:
        value: Any = []
        for _ in range(5_000):
            value = [value]
        return value

    probe.does = lambda tag, _context: (deep() if answer == "deep" else answer) if tag == "big" else tag
    flow = engine.workflow(
        [counting("big"), counting("beside"), counting("sorry")], [("big", "error", "sorry")]
    )
    run = engine.run(flow)
    assert run.status == "completed"
    assert engine.steps(run)["big"].error["code"] == code


@pytest.mark.rule("F23")
def test_half_a_character_is_mended(engine: Engine, probe: Probe) -> None:
    probe.does = lambda _tag, _context: "a\ud800b\x00c"
    assert (
        engine.run(engine.workflow([counting("odd")])).result
        == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"
    )
