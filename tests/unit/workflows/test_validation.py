"""A definition is checked as a whole, and every fault is found with its block and field."""

import time
from itertools import pairwise

import pytest

from tests.unit.workflows.factories import TYPES, block, definition, edge
from workflows.engine.references import Names
from workflows.engine.types import BlockSpec, Definition, RetryPolicy, Severity
from workflows.engine.validation import check_definition, validate_definition
from workflows.engine.version import DefinitionUnusable, compile_version

pytestmark = pytest.mark.rule("W1")


def faults(
    *blocks: BlockSpec, edges: str = "", names: Names | None = None
) -> set[tuple[str | None, str | None, str]]:
    found = validate_definition(definition(*blocks, edges=edges), TYPES, names)
    return {(fault.block, fault.field, fault.code) for fault in found}


def reading(key: str, expression: str, **fields: str) -> BlockSpec:
    return block(key, config={"value": f"{{{{ {expression} }}}}"}, **fields)


def test_a_sound_definition_has_no_faults() -> None:
    blocks = (
        block("start", "start"),
        reading("a", "input.x"),
        block("d", "decide"),
        reading("b", "blocks.a.y ~ blocks.start"),
        block("loop", "each"),
        reading("inner", "item ~ index ~ blocks.b", parent="loop"),
        block("end", "respond"),
    )
    assert faults(*blocks, edges="start>a a>d d.yes>b d.no>end b>loop loop>end a.error>end") == set()


def test_types_keys_and_edges() -> None:
    assert faults(block("a", "nope")) == {("a", "type", "unknown_type")}
    assert faults(block("a"), block("a")) == {("a", "key", "duplicate_key")}
    assert faults(block("a"), edges="a>b c>a") == {
        (None, "edges[0].to", "missing_block"),
        (None, "edges[1].from", "missing_block"),
    }
    assert faults(block("a"), block("b"), edges="a.yes>b") == {("a", "handle", "unknown_handle")}
    assert faults(block("d", "decide"), block("b"), edges="d>b") == {("d", "handle", "unknown_handle")}


def test_every_block_may_have_an_error_edge() -> None:
    assert faults(block("d", "decide"), block("b"), edges="d.error>b d.yes>b") == set()


def test_cycles_name_their_blocks() -> None:
    found = validate_definition(definition(block("a"), block("b"), block("c"), edges="a>b b>c c>b"), TYPES)
    cycles = [fault for fault in found if fault.code == "cycle"]
    assert [fault.block for fault in cycles] == ["b"]
    assert "b → c → b" in cycles[0].message
    assert ("a", None, "cycle") in faults(block("a"), edges="a>a")


def test_two_cycles_are_two_faults() -> None:
    blocks = [block(key) for key in "abcdef"]
    assert faults(*blocks, edges="a>b b>a b>c c>d d>e e>d e>f") == {
        ("a", None, "cycle"),
        ("d", None, "cycle"),
    }


def test_containers() -> None:
    loop = block("loop", "each")
    assert faults(loop) == {("loop", None, "container_without_entry")}
    inside, outside = block("in", parent="loop"), block("out")
    assert faults(loop, inside, outside, edges="in>out") == {("in", None, "crosses_container")}
    assert faults(loop, inside, outside, edges="out>in") == {("out", None, "crosses_container")}
    circle = (block("x", parent="loop"), block("y", parent="loop"))
    assert ("loop", None, "container_without_entry") in faults(loop, *circle, edges="x>y y>x")
    assert faults(block("a", parent="b"), block("b")) == {("a", "parent", "not_a_container")}
    assert faults(block("a", parent="zz")) == {("a", "parent", "missing_block")}


@pytest.mark.rule("W10")
def test_containers_nest_ten_deep_and_never_in_themselves() -> None:
    nest = [block("c0", "each"), *(block(f"c{n}", "each", parent=f"c{n - 1}") for n in range(1, 10))]
    assert faults(*nest, block("leaf", parent="c9")) == set()
    deeper = block("c10", "each", parent="c9")
    assert ("leaf", "parent", "too_deep") in faults(*nest, deeper, block("leaf", parent="c10"))
    circle = (block("a", "each", parent="b"), block("b", "each", parent="a"))
    assert {("a", "parent", "cycle"), ("b", "parent", "cycle")} <= faults(*circle)


def test_an_unreachable_block_is_only_a_warning() -> None:
    drawn = definition(
        block("start", "start"), block("a"), block("lost"), block("too"), edges="start>a lost>too"
    )
    found = validate_definition(drawn, TYPES)
    assert {(fault.block, fault.code, fault.severity) for fault in found} == {
        ("lost", "unreachable", Severity.WARNING),
        ("too", "unreachable", Severity.WARNING),
    }
    assert check_definition(
        {"blocks": [{"key": "s", "type": "start"}, {"key": "a", "type": "step"}]}, TYPES
    ).runnable


@pytest.mark.rule("W1", "W5")
def test_a_reference_needs_a_block_that_has_run_before() -> None:
    abc = (block("a"), reading("b", "blocks.a.x"), block("c"))
    assert faults(*abc, edges="a>b b>c") == set()
    assert faults(*abc, edges="b>a b>c") == {("b", "config.value", "reference_not_before")}
    assert faults(*abc, edges="c>b") == {("b", "config.value", "reference_not_before")}
    assert faults(reading("a", "blocks.a")) == {("a", "config.value", "reference_not_before")}
    assert faults(reading("a", "blocks.zz.x | default(1)")) == {("a", "config.value", "unknown_block")}


@pytest.mark.rule("W1", "W5")
def test_references_look_out_of_containers_but_not_into_them() -> None:
    blocks = (
        block("a"),
        block("loop", "each"),
        reading("in", "blocks.a", parent="loop"),
        reading("z", "blocks.in"),
    )
    assert faults(*blocks, edges="a>loop loop>z") == {("z", "config.value", "reference_not_before")}
    assert faults(*blocks[:3], edges="loop>a") == {("in", "config.value", "reference_not_before")}


@pytest.mark.rule("W1", "W10")
@pytest.mark.parametrize("part", ["item", "index", "previous", "item.name"])
def test_what_is_inside_a_container_reads_its_iteration(part: str) -> None:
    nest = (block("outer", "each"), block("inner", "each", parent="outer"))
    inside = (
        reading("a", f"blocks.outer.{part}", parent="inner"),
        reading("b", f"blocks.inner.{part}", parent="inner"),
    )
    assert faults(*nest, *inside) == set()
    assert faults(*nest, *inside, reading("c", f"blocks.inner.{part}", parent="outer")) == {
        ("c", "config.value", "reference_not_before")
    }
    assert faults(*nest, *inside, reading("c", f"blocks.outer.{part}")) == {
        ("c", "config.value", "reference_not_before")
    }


@pytest.mark.rule("W1", "W10")
@pytest.mark.parametrize("path", ["blocks.outer", "blocks.outer.results", "blocks.inner.results"])
def test_a_container_has_no_output_inside_itself(path: str) -> None:
    nest = (block("outer", "each"), block("inner", "each", parent="outer"))
    assert faults(*nest, reading("a", path, parent="inner")) == {
        ("a", "config.value", "reference_not_before")
    }


@pytest.mark.rule("W1", "W10")
def test_a_while_condition_reads_its_own_loop_and_no_item() -> None:
    inside, around = block("in", parent="loop"), block("around", "each")

    def loop(condition: str, **fields: str) -> BlockSpec:
        return block("loop", "each", config={"until": condition}, **fields)

    assert faults(loop("index < 3 and blocks.loop.previous.more"), inside) == set()
    assert faults(loop("item > 3", parent="around"), inside, around) == {
        ("loop", "config.until", "unknown_name")
    }
    assert faults(loop("blocks.around.item > 3", parent="around"), inside, around) == set()
    assert faults(loop("blocks.loop.results"), inside) == {("loop", "config.until", "reference_not_before")}
    assert faults(loop("blocks.in"), inside) == {("loop", "config.until", "reference_not_before")}
    elsewhere = block("loop", "each", config={"value": "{{ blocks.loop.previous }}"})
    assert faults(elsewhere, inside) == {("loop", "config.value", "reference_not_before")}


@pytest.mark.rule("W1", "W5")
def test_a_reference_into_a_container_is_told_where_to_read() -> None:
    blocks = (block("loop", "each"), block("in", parent="loop"), reading("z", "blocks.in"))
    (fault,) = validate_definition(definition(*blocks, edges="loop>z"), TYPES)
    assert "read blocks.loop.results" in fault.message


@pytest.mark.rule("W1", "W10")
def test_a_container_is_not_tried_again_as_a_whole() -> None:
    loop = block("loop", "each", retry=RetryPolicy())
    assert faults(loop, block("in", parent="loop", retry=RetryPolicy())) == {("loop", "retry", "no_retry")}


@pytest.mark.rule("W1", "W5")
def test_names_that_are_known_are_checked() -> None:
    names = Names(frozenset({"x"}), frozenset({"KEY"}), frozenset({"v"}))
    secret = block("s", config={"secret": "{{ secrets.NOPE }} {{ secrets.KEY }}"})
    assert faults(secret, names=names) == {("s", "config.secret", "unknown_secret")}
    assert faults(reading("a", "input.y"), names=names) == {("a", "config.value", "unknown_input")}
    assert faults(reading("a", "vars.w"), names=names) == {("a", "config.value", "unknown_variable")}
    assert faults(reading("a", "input.x ~ vars.v ~ input"), names=names) == set()
    assert faults(reading("a", "input.y ~ vars.w")) == set()


def test_inputs_declared_by_the_start_block_are_checked() -> None:
    start = block("start", "start", config={"inputs": ["x"]})
    assert faults(start, reading("a", "input.x"), edges="start>a") == set()
    assert faults(start, reading("a", "input.y"), edges="start>a") == {("a", "config.value", "unknown_input")}


@pytest.mark.rule("W4")
def test_roots_hold_only_where_they_exist() -> None:
    assert faults(reading("a", "secrets.KEY")) == {("a", "config.value", "secret_not_allowed")}
    assert faults(reading("a", "item.x")) == {("a", "config.value", "unknown_name")}
    assert faults(reading("a", "scheduled_for")) == {("a", "config.value", "unknown_name")}
    assert faults(block("a", config={"each": "item > 1", "when": "index > 1"})) == {
        ("a", "config.when", "unknown_name")
    }


def test_bad_expressions_and_bad_configs_name_their_field() -> None:
    assert faults(block("a", config={"value": {"x": ["{{ 1 + }}"]}})) == {
        ("a", "config.value.x[0]", "bad_expression")
    }
    assert faults(block("a", config={"when": "row.("})) == {("a", "config.when", "bad_expression")}
    assert faults(block("a", config={"colour": 1, "count": "many"})) == {
        ("a", "config.colour", "bad_config"),
        ("a", "config.count", "bad_config"),
    }
    assert faults(block("a", config={"count": "{{ input.n }}"})) == set()
    nested = block("n", "nested", config={"parts": [{"count": "{{ row.n }}"}, {"count": "x"}]})
    assert faults(nested) == {("n", "config.parts.1.count", "bad_config")}


def test_disabled_blocks_are_out_with_their_edges() -> None:
    off = block("off", "nope", enabled=False, config={"value": "{{ 1 + }}"})
    assert faults(block("a"), off, edges="a>off off>a") == set()
    assert faults(off, reading("a", "blocks.off")) == {("a", "config.value", "unknown_block")}
    loop = block("loop", "each", enabled=False)
    assert faults(block("a"), loop, block("in", "nope", parent="loop")) == set()


def test_all_faults_come_together() -> None:
    blocks = (
        block("a", "nope"),
        block("b", config={"value": "{{ blocks.zz }} {{ secrets.K }}", "colour": 1}),
    )
    assert len(faults(*blocks, edges="a>zz b.x>a")) == 6


def test_what_compiles_has_no_errors_and_what_has_errors_does_not_compile() -> None:
    blocks = (block("a", "nope"), block("b", config={"count": "x"}), block("empty", "each"))
    with pytest.raises(DefinitionUnusable) as caught:
        compile_version(definition(*blocks, edges="b>b"), TYPES)
    codes = {fault.code for fault in caught.value.faults}
    assert codes == {"unknown_type", "bad_config", "cycle", "container_without_entry"}


def test_a_thousand_blocks_are_checked_quickly() -> None:
    keys = [f"b{n}" for n in range(1000)]
    blocks = [
        block(keys[0]),
        *(reading(key, f"blocks.{before}.x") for before, key in pairwise(keys)),
    ]
    edges = [edge(f"{before}>{key}") for before, key in pairwise(keys)]
    started = time.thread_time()
    assert validate_definition(Definition(tuple(blocks), tuple(edges)), TYPES) == ()
    compile_version(Definition(tuple(blocks), tuple(edges)), TYPES)
    assert time.thread_time() - started < 1
