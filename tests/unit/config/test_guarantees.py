"""The list of guarantees is read from the tests' own marks."""

from pathlib import Path

from tests.bed.guarantees import Rule, rules_by_test, write_bugs, write_page

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


def test_bugs_are_marked_and_listed_as_rules_are(tmp_path: Path) -> None:
    module = tmp_path / "test_sample.py"
    module.write_text(
        "import pytest\n"
        "@pytest.mark.rule('T10')\n"
        "@pytest.mark.bug('the first row skipped')\n"
        "def test_it(): ...\n"
    )
    assert dict(rules_by_test(module, "bug")) == {"test_it": {"the first row skipped"}}
    page = write_bugs(
        ["the first row skipped", "a spin"], {"the first row skipped": ["tests/test_a.py::test_it"]}
    )
    assert "| the first row skipped | `test_a.py::test_it` |" in page
    assert "| a spin | **missing** |" in page
