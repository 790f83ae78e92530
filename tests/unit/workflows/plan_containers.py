"""A loop or parallel around three blocks that read each other, to be rerun in part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.unit.workflows.factories import block
from tests.unit.workflows.plan_bed import edited, played, reading, results_of, version
from workflows.engine.types import BlockSpec
from workflows.engine.version import CompiledVersion


def drawn(type_: str = "loop", items: Any = (1, 2, 3), **changed: BlockSpec) -> CompiledVersion:
    blocks = [
        reading("a"),
        block("each", type_, config={"value": items if isinstance(items, str) else list(items)}),
        block("x", parent="each", config={"value": "{{ item }}"}),
        replace(reading("y", "x", type_="mail"), parent="each"),
        replace(reading("z", "y"), parent="each"),
        reading("end", "each"),
    ]
    blocks = [changed.pop(spec.key, spec) for spec in blocks] + list(changed.values())
    return version(*blocks, edges="a>each x>y y>z each>end" + "".join(f" z>{key}" for key in changed))


FRAGILE = {
    "x": block("x", parent="each", config={"value": "{{ index }}"}),
    "y": block("y", parent="each", config={"value": "{{ item }}"}),
}
MENDED = {**FRAGILE, "y": edited(FRAGILE["y"], value="fine")}


def inside(*numbers: int, blocks: str = "xyz") -> list[str]:
    return [f"each[{number}]/{key}" for number in numbers for key in blocks]


def run_of(target: CompiledVersion) -> dict[str, Any]:
    """What each step of a full run comes to."""
    return results_of(played(target))
