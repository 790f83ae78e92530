"""The list of guarantees is read from the tests' own marks."""

from pathlib import Path

from tests.bed.guarantees import Rule, rules_by_test, write_page

MODULE = """
import pytest
pytestmark = [pytest.mark.slow, pytest.mark.rule("T1")]

@pytest.mark.rule("T2", "T3")
def test_one(): ...

class TestMany:
    @pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.rule("T4"))])
    async def test_two(self, x): ...

def helper(): ...
"""


def test_marks_of_module_function_and_parameter_count(tmp_path: Path) -> None:
    path = tmp_path / "test_x.py"
    path.write_text(MODULE)
    assert dict(rules_by_test(path)) == {"test_one": {"T1", "T2", "T3"}, "test_two": {"T1", "T4"}}


def test_a_finished_rule_without_a_test_is_missing() -> None:
    rules = [
        Rule("T1", "one", finished=True),
        Rule("T2", "two", finished=False),
        Rule("W1", "three", finished=True),
    ]
    page = write_page(rules, {"W1": ["tests/unit/test_x.py::test_y"]})
    assert "| T1 | one | **missing** |" in page
    assert "| T2 | two | *later* |" in page
    assert "| W1 | three | `unit/test_x.py::test_y` |" in page
