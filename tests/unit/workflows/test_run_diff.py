"""What differs between two runs' steps."""

from typing import Any

import pytest

from workflows.engine.run_diff import MAX_DIFFERENCES, MAX_TEXT_LINES, diff_steps

pytestmark = pytest.mark.rule("W30")


def shown(left: dict[str, Any] | None, right: dict[str, Any] | None) -> list[tuple[str, str, Any, Any]]:
    found = diff_steps(left, right).differences
    return [(one.path, one.kind, one.before, one.after) for one in found]


def test_equal_steps_do_not_differ() -> None:
    step = {"status": "completed", "output": {"a": [1, {"b": None}]}, "error": None}
    assert diff_steps(step, dict(step)).as_json() == {"differences": [], "truncated": False}


def test_differences_have_a_path_and_both_values() -> None:
    left = {
        "status": "completed",
        "output": {"items": [{"n": 1}, {"n": 2}], "old": 1, "a key": 1},
        "duration_seconds": 1,
    }
    right = {
        "status": "failed",
        "output": {"items": [{"n": 1}, {"n": 3}, 4], "new": None, "a key": 2},
        "duration_seconds": 2,
    }
    assert shown(left, right) == [
        ("status", "changed", "completed", "failed"),
        ("output['a key']", "changed", 1, 2),
        ("output.items[1].n", "changed", 2, 3),
        ("output.items[2]", "added", None, 4),
        ("output.new", "added", None, None),
        ("output.old", "removed", 1, None),
        ("duration_seconds", "changed", 1, 2),
    ]


@pytest.mark.parametrize(
    ("before", "after", "differ"),
    [(1, True, True), (0, False, True), (1, 1.0, False), (None, False, True), ([], {}, True), ("1", 1, True)],
    ids=["one-true", "zero-false", "one-float", "null-false", "list-object", "text-number"],
)
def test_values_are_compared_as_json(before: Any, after: Any, differ: bool) -> None:
    assert bool(shown({"output": before}, {"output": after})) is differ


def test_a_step_that_a_run_does_not_have() -> None:
    assert shown(None, {"status": "completed", "output": 1}) == [
        ("status", "added", None, "completed"),
        ("output", "added", None, 1),
    ]
    assert shown({"error": {"code": "x"}}, None) == [("error", "removed", {"code": "x"}, None)]


def test_long_texts_are_compared_by_lines() -> None:
    text = "\n".join(f"line {i}" for i in range(50))
    found = diff_steps({"output": text}, {"output": text.replace("line 7\n", "line seven\n")})
    (difference,) = found.differences
    assert difference.lines is not None
    assert {"-line 7", "+line seven"} <= set(difference.lines)
    assert "before" not in difference.as_json()


def test_what_is_told_is_bounded() -> None:
    found = diff_steps({"output": list(range(5_000))}, {"output": [-1] * 5_000})
    assert (len(found.differences), found.truncated) == (MAX_DIFFERENCES, True)
    text = "\n".join(f"{i}" for i in range(50_000))
    (difference,) = diff_steps({"output": text}, {"output": text.replace("1", "x")}).differences
    assert difference.lines is not None
    assert len(difference.lines) == MAX_TEXT_LINES + 1
