"""`switch`: the first case that holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field, StringConstraints, field_validator

from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockResult, Example
from workflows.blocks.expressions import holds
from workflows.blocks.registry import register
from workflows.engine.fields import Expression

ELSE: Final = "else"


def case_handle(key: str) -> str:
    """The port of a case."""
    return f"case-{key}"


class Case(BlockConfig):
    """``key`` names the port ``case-<key>``; ``when`` is an expression."""

    key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    when: Annotated[str, Expression()]


class SwitchConfig(BlockConfig):
    """Cases in the order they are tried."""

    cases: Annotated[list[Case], Field(min_length=1, max_length=100)]

    @field_validator("cases")
    @classmethod
    def _keys_once(cls, cases: list[Case]) -> list[Case]:
        keys = [case.key for case in cases]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"case keys must differ; used twice: {', '.join(twice)}")
        return cases


@register
class Switch(Block[SwitchConfig]):
    """Goes on by ``case-<key>`` of the first case whose expression holds, or by ``else`` when none does.

    Cases after the first that holds are not evaluated.
    """

    name = "switch"
    title = "Switch"
    config_model = SwitchConfig
    output_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {"case": {"type": ["string", "null"]}},
        "required": ["case"],
    }
    example = Example(
        config={"cases": [{"key": "big", "when": "input.n > 100"}, {"key": "small", "when": "input.n > 0"}]},
        input={"n": 7},
        output={"case": "small"},
        handle="case-small",
    )

    def handles(self, config: Mapping[str, Any]) -> frozenset[str]:
        """One port per case that has a key, and ``else``."""
        cases = config.get("cases")
        keys = (
            [case.get("key") for case in cases if isinstance(case, Mapping)]
            if isinstance(cases, list)
            else []
        )
        return frozenset({ELSE, *(case_handle(key) for key in keys if isinstance(key, str))})

    def run(self, context: BlockContext, config: SwitchConfig) -> BlockResult:
        """Try the cases in order."""
        for case in config.cases:
            if holds(case.when, context):
                return BlockResult({"case": case.key}, handle=case_handle(case.key))
        return BlockResult({"case": None}, handle=ELSE)
