"""`wait`: go on later (W19)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, Field, model_validator

from workflows.blocks.base import (
    Answer,
    Block,
    BlockConfig,
    BlockContext,
    BlockFailed,
    BlockPause,
    BlockResult,
    Example,
)
from workflows.blocks.registry import register
from workflows.engine.fields import Template
from workflows.engine.types import ErrorClass
from workflows.states import PauseKind

LONGEST: Final = timedelta(days=366)


def read_moment(text: str) -> datetime:
    """An ISO date and time with its offset, as UTC. Raises ``ValueError`` for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("write a date and time such as 2026-11-21T09:00:00+01:00") from None
    if moment.tzinfo is None:
        raise ValueError("say which time zone is meant: end the time with Z or an offset such as +01:00")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("this date lies outside the calendar") from None


def _is_moment(text: str) -> str:
    read_moment(text)
    return text


Seconds = Annotated[float, Field(ge=0, le=LONGEST.total_seconds(), allow_inf_nan=False)]


class WaitConfig(BlockConfig):
    """Either ``seconds``, or ``until``: an ISO date and time with its offset. 366 days ahead at most."""

    seconds: Annotated[Seconds | None, Template()] = None
    until: Annotated[Annotated[str, AfterValidator(_is_moment)] | None, Template()] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> WaitConfig:
        if (self.seconds is None) == (self.until is None):
            raise ValueError("give either seconds or until")
        return self


@register
class Wait(Block[WaitConfig]):
    """Waits for a time, or until one, and holds no worker meanwhile. Branches beside it run on.

    A moment that has passed already is not waited for.
    """

    name = "wait"
    title = "Wait"
    config_model = WaitConfig
    output_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {
            "waited_until": {"type": "string", "format": "date-time"},
            "woken_at": {"type": "string", "format": "date-time"},
        },
        "required": ["waited_until", "woken_at"],
    }
    example = Example(
        config={"until": "{{ input.embargo }}"},
        input={"embargo": "2026-01-01T09:00:00+01:00"},
        output={"waited_until": "2026-01-01T08:00:00+00:00"},
    )

    def run(self, context: BlockContext, config: WaitConfig) -> BlockResult | BlockPause:
        """Park until the moment, unless it has come already."""
        now = datetime.now(UTC)
        until = read_moment(config.until) if config.until else now + timedelta(seconds=config.seconds or 0)
        if until <= now:
            return _woken(until.isoformat(), now)
        if until - now > LONGEST:
            message = f"{until.isoformat()} is more than {LONGEST.days} days away."
            raise BlockFailed.because(ErrorClass.VALIDATION, "wait_too_long", message)
        return BlockPause(PauseKind.TIMER, until=until, request={"until": until.isoformat()})

    def wake(self, context: BlockContext, config: WaitConfig, answer: Answer) -> BlockResult:
        """The time has come."""
        return _woken(str(answer.asked["until"]), answer.at)


def _woken(until: str, at: datetime) -> BlockResult:
    return BlockResult({"waited_until": until, "woken_at": at.isoformat()})
