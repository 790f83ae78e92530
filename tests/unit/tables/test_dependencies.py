"""Group invariants, run order, and what a move leaves of dependencies (T1, T2, T8)."""

from uuid import UUID, uuid5

import pytest

from tables.engine.dependencies import check_schema, dependants, run_order, surviving_dependencies
from tables.engine.types import ColumnSpec, GroupSpec, Output

SPACE = UUID("00000000-0000-7000-8000-000000000000")


def column(key: str, group: str | None = None) -> ColumnSpec:
    return ColumnSpec(
        id=uuid5(SPACE, key),
        key=key,
        name=key.title(),
        type="text",
        options={},
        required=False,
        unique=False,
        ordinal=0,
        group_id=uuid5(SPACE, group) if group else None,
        output_path="result.x" if group else "",
    )


def group(name: str, outputs: str, needs: str = "", *, auto_run: bool = False) -> GroupSpec:
    return GroupSpec(
        id=uuid5(SPACE, name),
        name=name,
        workflow_id=SPACE,
        ref="live",
        inputs={},
        outputs=tuple(Output(f"result.{key}", key) for key in outputs.split()),
        depends_on=tuple(needs.split()),
        condition="",
        auto_run=auto_run,
        revision=1,
        ordinal=0,
    )


def codes(columns: list[ColumnSpec], groups: list[GroupSpec]) -> list[str]:
    return [fault.code for fault in check_schema(columns, groups)]


@pytest.mark.rule("T1")
def test_a_chain_of_groups_left_to_right_stands() -> None:
    columns = [column("domain"), column("title", "A"), column("score", "B")]
    groups = [group("A", "title", "domain", auto_run=True), group("B", "score", "title domain")]

    assert codes(columns, groups) == []


@pytest.mark.rule("T1")
@pytest.mark.parametrize(
    ("columns", "groups", "code"),
    [
        ([column("a")], [group("A", "")], "output_missing"),
        ([column("a")], [group("A", "gone")], "output_missing"),
        ([column("x", "A")], [group("A", "x x")], "output_claimed_twice"),
        ([column("x", "A")], [group("A", "x"), group("B", "x")], "output_claimed_twice"),
        ([column("x", "A")], [group("A", "x", "x")], "depends_on_itself"),
        ([column("x", "A"), column("a")], [group("A", "x", "a")], "depends_on_right"),
        ([column("x", "A")], [group("A", "x", "gone")], "dependency_missing"),
        ([column("x", "A"), column("a"), column("y", "A")], [group("A", "x y")], "not_adjacent"),
        ([column("x", "A")], [group("A", "x", auto_run=True)], "auto_run_needs_dependency"),
    ],
)
def test_each_broken_rule_has_its_code(columns: list[ColumnSpec], groups: list[GroupSpec], code: str) -> None:
    assert codes(columns, groups) == [code]


@pytest.mark.rule("T1")
def test_groups_that_wait_for_each_other_are_named() -> None:
    columns = [column("x", "A"), column("y", "B")]
    found = codes(columns, [group("A", "x", "y"), group("B", "y", "x")])

    assert found == ["cycle", "cycle", "depends_on_right"]


@pytest.mark.rule("T8")
def test_groups_run_by_dependencies_then_by_place() -> None:
    columns = [column("in"), column("a", "A"), column("b", "B"), column("c", "C")]
    groups = [group("C", "c", "a"), group("B", "b"), group("A", "a", "in")]

    ordered = run_order(columns, groups)

    assert [each.name for each in ordered] == ["A", "B", "C"]
    assert [each.ordinal for each in ordered] == [0, 1, 2]


@pytest.mark.rule("T8")
def test_a_group_further_left_waits_for_what_it_depends_on() -> None:
    columns = [column("a", "A"), column("b", "B")]

    assert [each.name for each in run_order(columns, [group("A", "a", "b"), group("B", "b")])] == ["B", "A"]


@pytest.mark.rule("T2")
def test_a_move_to_the_right_of_a_group_takes_the_dependency_away() -> None:
    moved = [column("x", "A"), column("a"), column("b")]

    assert surviving_dependencies(group("A", "x", "a b"), moved) == ()
    assert surviving_dependencies(group("A", "x", "a b"), [column("b"), *moved[:2]]) == ("b",)


@pytest.mark.rule("T2")
def test_a_dropped_column_is_no_dependency_any_more() -> None:
    columns = [column("a"), column("b"), column("x", "A")]

    assert surviving_dependencies(group("A", "x", "a b"), columns, dropped={"a"}) == ("b",)


def test_dependants_are_the_groups_that_wait_for_a_column() -> None:
    groups = [group("A", "x", "a"), group("B", "y", "x")]

    assert [each.name for each in dependants("a", groups)] == ["A"]
