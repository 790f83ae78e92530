"""Writes `docs/guarantees.md`: every rule with the tests that hold it. `--check` fails when the file is stale.

    python -m tests.bed.guarantees [--check]

Tests name their rules by `@pytest.mark.rule("T17")`, on a function, a class, a parameter or a whole module, and bugs
of other systems that they keep away by `@pytest.mark.bug("the first row skipped")`. The marks are read from the source,
so that the list needs neither services nor imports. `rules.toml` beside this file holds rules and bugs in our words.
"""

import ast
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RULES = Path(__file__).with_name("rules.toml")
PAGE = ROOT / "docs" / "guarantees.md"
HEAD = """# Guarantees

Each rule of the specification, and the tests that hold it. Written by `make guarantees`; CI fails when it is stale.
**missing** marks a rule that should have a test by now; *later* one whose work is still to come.
"""
PARTS = {"T": "Tables", "W": "Workflows", "S": "Security", "F": "Faults", "I": "Invariants", "": "Scheduler"}
"""By a rule's first letter; the scheduler's have names instead of numbers."""


@dataclass(frozen=True)
class Rule:
    """One line of `rules.toml`."""

    name: str
    text: str
    finished: bool


def read_rules(path: Path = RULES) -> list[Rule]:
    """The rules in the order they are written."""
    found = tomllib.loads(path.read_text())
    return [
        Rule(name, entry["text"], entry["issue"] in found["finished"])
        for name, entry in found["rules"].items()
    ]


def read_bugs(path: Path = RULES) -> list[str]:
    """The bugs that were once real elsewhere."""
    bugs: list[str] = tomllib.loads(path.read_text())["bugs"]
    return bugs


def marks_in(node: ast.AST, mark: str = "rule") -> Iterator[str]:
    """The names in `…mark.rule("A", "B")` (or another mark) anywhere inside `node`."""
    for call in ast.walk(node):
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == mark
            and ast.unparse(call.func).endswith(f"mark.{mark}")
        ):
            yield from (
                argument.value
                for argument in call.args
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            )


def rules_by_test(path: Path, mark: str = "rule") -> Iterator[tuple[str, set[str]]]:
    """Each test of a module with the rules (or bugs) it names, its class's and module's included."""
    body = ast.parse(path.read_text()).body
    of_module = {
        name
        for node in body
        if isinstance(node, ast.Assign) and "pytestmark" in {ast.unparse(target) for target in node.targets}
        for name in marks_in(node.value, mark)
    }
    yield from _tests_among(body, of_module, mark)


def _tests_among(body: list[ast.stmt], inherited: set[str], mark: str) -> Iterator[tuple[str, set[str]]]:
    for node in body:
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        own = inherited | {name for decorator in node.decorator_list for name in marks_in(decorator, mark)}
        if isinstance(node, ast.ClassDef):
            yield from _tests_among(node.body, own, mark)
        elif node.name.startswith("test_"):
            yield node.name, own


def collect(folder: Path = ROOT / "tests", mark: str = "rule") -> dict[str, list[str]]:
    """Rule (or bug) to its tests, as `path::name`, sorted."""
    held: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for test, names in rules_by_test(path, mark):
            for name in names:
                held.setdefault(name, []).append(f"{path.relative_to(ROOT)}::{test}")
    return held


def write_page(rules: list[Rule], held: dict[str, list[str]]) -> str:
    """The page as Markdown."""
    lines = [HEAD]
    for letter, title in PARTS.items():
        lines += [f"## {title}\n", "| rule | what holds | tests |", "| --- | --- | --- |"]
        lines += [
            f"| {rule.name} | {rule.text} | {_cell(rule, held.get(rule.name, []))} |"
            for rule in rules
            if _letter(rule) == letter
        ]
        lines.append("")
    return "\n".join(lines)


def _letter(rule: Rule) -> str:
    return rule.name[0] if rule.name[1:2].isdigit() and rule.name[0] in PARTS else ""


def write_bugs(bugs: list[str], held: dict[str, list[str]]) -> str:
    """The part about bugs as Markdown."""
    lines = ["## Bugs that were once real elsewhere\n", "| bug | tests that keep it away |", "| --- | --- |"]
    lines += [f"| {bug} | {_listed(held.get(bug, [])) or '**missing**'} |" for bug in bugs]
    return "\n".join([*lines, ""])


def _cell(rule: Rule, tests: list[str]) -> str:
    if not tests:
        return "**missing**" if rule.finished else "*later*"
    return _listed(tests)


def _listed(tests: list[str]) -> str:
    return "<br>".join(f"`{test.removeprefix('tests/')}`" for test in tests)


def main(check: bool) -> None:
    """Write the page, or say what is wrong with it."""
    rules, held = read_rules(), collect()
    bugs, kept_away = read_bugs(), collect(mark="bug")
    unknown = sorted(set(held) - {rule.name for rule in rules} | set(kept_away) - set(bugs))
    if unknown:
        sys.exit(f"Tests name what tests/bed/rules.toml does not know: {', '.join(unknown)}.")
    page = f"{write_page(rules, held)}\n{write_bugs(bugs, kept_away)}"
    if not check:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page)
    elif not PAGE.exists() or PAGE.read_text() != page:
        sys.exit("docs/guarantees.md is stale. Run make guarantees.")


if __name__ == "__main__":
    main(check="--check" in sys.argv[1:])
