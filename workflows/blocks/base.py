"""What a block type is: a typed config in, a result or a stated failure out (W3).

A developer writes one class per type::

    class Config(BlockConfig):
        text: Annotated[str, Template()]

    @register
    class Shout(Block[Config]):
        \"\"\"Writes a text in capitals.\"\"\"

        name, title, config_model = "shout", "Shout", Config
        output_schema = {"type": "object", "properties": {"text": {"type": "string"}}}
        example = Example(config={"text": "{{ input.word }}"}, input={"word": "ha"}, output={"text": "HA"})

        def run(self, context: BlockContext, config: Config) -> BlockResult:
            return BlockResult({"text": config.text.upper()})

A ``Block`` is stateless and satisfies ``engine.types.BlockType``. ``run`` may be ``async def``: such blocks
run on the process's event loop, where timeouts and cancels really end them. A sync block whose effect is
``pure`` runs in the executor's own thread, so it must take microseconds; any other sync block runs in a
thread pool. Blocks never touch the database (W13a).
"""

from __future__ import annotations

import inspect
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from workflows.engine.types import SOURCE_HANDLE, BlockError, Effect, ErrorClass, RetryPolicy

ConfigT = TypeVar("ConfigT", bound=BaseModel)


class BlockConfig(BaseModel):
    """Base of block configs: unknown fields are refused by name, numbers may fill text fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class BlockFailed(Exception):
    """How a block fails on purpose: ``error`` says whether a retry makes sense, and what people read."""

    def __init__(self, error: BlockError) -> None:
        """``error`` is stored with the attempt; its message must hold no secret."""
        self.error = error
        super().__init__(error.message)

    @classmethod
    def because(
        cls,
        error_class: ErrorClass,
        code: str,
        message: str,
        *,
        detail: Mapping[str, Any] | None = None,
        retry_after_seconds: float | None = None,
    ) -> BlockFailed:
        """The short way to write one; the arguments are those of ``BlockError``."""
        return cls(BlockError(error_class, code, message, detail, retry_after_seconds))


@dataclass(frozen=True, slots=True)
class BlockResult:
    """What a finished block gives: JSON output, the port it chose, and what it cost."""

    output: Any = None
    handle: str = SOURCE_HANDLE
    cost: Decimal | None = None


@dataclass(slots=True)
class BlockContext:
    """One attempt, as the block sees it.

    ``roots`` are the names an ``Expression`` field may read (``input``, ``blocks``, ``row`` …).
    ``idempotency_key`` stays the same over retries, crashes and resume (W15). ``deadline_monotonic`` is the
    instant of ``time.monotonic()`` at which the attempt is ended; None is no limit.
    """

    run_id: UUID
    workspace_id: UUID
    step_key: str
    attempt: int
    idempotency_key: str
    roots: Mapping[str, Any]
    deadline_monotonic: float | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def check_cancelled(self) -> None:
        """Raise ``BlockFailed`` when the run was stopped; long functions call it between pieces (W17)."""
        if self.cancelled.is_set():
            raise BlockFailed.because(ErrorClass.CANCELLED, "cancelled", "The run was cancelled.")

    def remaining_seconds(self) -> float | None:
        """Seconds until the deadline, never negative; None without one."""
        if self.deadline_monotonic is None:
            return None
        return max(0.0, self.deadline_monotonic - time.monotonic())


@dataclass(frozen=True, slots=True)
class Example:
    """A use of the block that runs offline; shown in the docs, and run by the tests.

    ``served`` maps paths to JSON answers of a local server whose address the example finds in
    ``input.base_url``. ``fails_with`` is the code of the error when the example shows a failure.
    """

    config: Mapping[str, Any]
    output: Any = None
    input: Mapping[str, Any] = field(default_factory=dict)
    handle: str = SOURCE_HANDLE
    served: Mapping[str, Any] = field(default_factory=dict)
    fails_with: str | None = None


class Block(ABC, Generic[ConfigT]):
    """A block type. Subclasses set the class attributes and write ``run``; see the module's docstring."""

    name: ClassVar[str]
    title: ClassVar[str]
    config_model: ClassVar[type[BaseModel]]
    example: ClassVar[Example]
    output_schema: ClassVar[Mapping[str, Any]] = {}
    effect_class: ClassVar[Effect] = Effect.PURE
    version: ClassVar[str] = "1"
    entry: ClassVar[bool] = False
    container: ClassVar[bool] = False
    responds: ClassVar[bool] = False
    default_retry: ClassVar[RetryPolicy | None] = None
    default_timeout_seconds: ClassVar[float | None] = None

    @property
    def docs(self) -> str:
        """What the block does, in Markdown: the class's docstring."""
        return inspect.getdoc(type(self)) or ""

    def handles(self, config: Mapping[str, Any]) -> frozenset[str]:
        """The ports that may be chosen after success; ``config`` is as the user wrote it, perhaps invalid."""
        return frozenset({SOURCE_HANDLE})

    def effect(self, config: Mapping[str, Any]) -> Effect:
        """The effect class with this config (as the user wrote it)."""
        return self.effect_class

    def declared_inputs(self, config: Mapping[str, Any]) -> frozenset[str] | None:
        """The names ``input.<name>`` may read, if this is an entry block that declares them."""
        return None

    def runs_async(self, config: ConfigT) -> bool:
        """Whether ``run`` with this config answers an awaitable, for the process's event loop."""
        return inspect.iscoroutinefunction(self.run)

    @abstractmethod
    def run(self, context: BlockContext, config: ConfigT) -> BlockResult | Awaitable[BlockResult]:
        """Do the work: answer a ``BlockResult``, or raise ``BlockFailed``. May be ``async def``."""
