"""The report card of the faults: scenario × seeds × violations, into `docs/chaos.md`.

    python -m tests.chaos.report RESULTS

``RESULTS`` is what `tests/chaos/conftest.py` wrote. What stands outside the marks of the page is written by people.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "chaos.md"
BEGIN, END = "<!-- card -->", "<!-- /card -->"


@dataclass
class Scenario:
    """One test: its faults, how often it ran with different seeds or parameters, how often something was violated."""

    faults: list[str]
    runs: int = 0
    violations: int = 0


def read(results: Path) -> dict[str, Scenario]:
    """Each test with what became of it."""
    last: dict[str, dict[str, Any]] = {}
    for line in results.read_text().splitlines():
        told = json.loads(line)
        if last.get(told["test"], {}).get("held", True):  # a teardown that fails fails the test
            last[told["test"]] = told
    found: dict[str, Scenario] = defaultdict(lambda: Scenario([]))
    for told in last.values():
        scenario = found[_name(told["test"])]
        scenario.faults = [rule for rule in told["rules"] if rule.startswith("F")] or told["rules"]
        scenario.runs += 1
        scenario.violations += not told["held"]
    return dict(found)


def _name(test: str) -> str:
    """The test's name in words."""
    function = test.rpartition("::")[2].partition("[")[0]
    return function.removeprefix("test_").replace("_", " ")


def card(scenarios: dict[str, Scenario]) -> str:
    """The table as Markdown, by fault."""

    def place(item: tuple[str, Scenario]) -> tuple[int, str]:
        return min(
            (int(fault[1:]) for fault in item[1].faults if re.fullmatch(r"F\d+", fault)), default=99
        ), item[0]

    lines = ["| fault | scenario | seeds | violations |", "| --- | --- | ---: | ---: |"]
    lines += [
        f"| {' '.join(scenario.faults)} | {name} | {scenario.runs} | {scenario.violations} |"
        for name, scenario in sorted(scenarios.items(), key=place)
    ]
    runs = sum(scenario.runs for scenario in scenarios.values())
    violations = sum(scenario.violations for scenario in scenarios.values())
    lines.append(f"| | **{len(scenarios)} scenarios** | **{runs}** | **{violations}** |")
    return "\n".join(lines)


def main(results: Path) -> None:
    """Write the card into the page."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{card(read(results))}\n{END}{after}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
