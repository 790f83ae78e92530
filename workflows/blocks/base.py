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
thread pool. Blocks never touch the database (W13a), except those whose effect is ``database``: their ``run`` is
called inside the transaction that records the step, and uses the ORM there.

A block that has to wait answers a ``BlockPause``: the run parks without a worker, and ``wake`` is called with the
``Answer`` once the time has come or somebody has answered (W19). One that must not be sent just now raises
``BlockPostponed``. A container derives from ``ContainerBlock`` and says how it opens (W10).
"""

from __future__ import annotations

import inspect
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from workflows.engine.types import SOURCE_HANDLE, BlockError, Effect, ErrorClass, Opening, RetryPolicy
from workflows.states import PauseKind

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


class BlockPostponed(Exception):
    """Not now: a shared limit is reached. Tried again after ``seconds``, and counted as no attempt (W16, W33)."""

    def __init__(self, seconds: float, reason: str) -> None:
        """``reason`` is what people read while it waits."""
        self.seconds = seconds
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class BlockPause:
    """What a block answers that waits for a time, a person or another run (W19).

    ``until`` (aware UTC) is when it wakes by itself: a timer's end, an approval's expiry; None waits for the answer
    alone. ``request`` is JSON: what a person is asked, or which run to start. ``token`` is the secret of the answer
    link; only its hash is stored (W20).
    """

    kind: PauseKind
    until: datetime | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What woke a paused block: its time came (``expired``), or ``data`` was given, by whom, and when (W20).

    ``asked`` is the pause's own ``request``.
    """

    expired: bool
    data: Any
    by: Mapping[str, Any] | None
    at: datetime
    asked: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BlockResult:
    """What a finished block gives: JSON output, the port it chose, and what it cost."""

    output: Any = None
    handle: str = SOURCE_HANDLE
    cost: Decimal | None = None


def _silent(kind: str, value: Any) -> None:
    """Nobody watches."""


@dataclass(slots=True)
class BlockContext:
    """One attempt, as the block sees it.

    ``roots`` are the names an ``Expression`` field may read (``input``, ``blocks``, ``row`` …).
    ``step_key`` is the path of its scope and the block's key. ``idempotency_key`` stays the same over retries, crashes
    and resume (W15). ``tell`` passes on what is worth watching. ``deadline_monotonic`` is the
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
    tell: Callable[[str, Any], None] = field(default=_silent, repr=False)

    def chunk(self, text: str) -> None:
        """Show a piece of the output before the rest is there; whoever watches sees it at once (W30, W33)."""
        self.tell("chunk", text)

    def progress(self, done: float, message: str = "") -> None:
        """Show how far the attempt is: ``done`` from 0 to 1 (W30)."""
        self.tell("progress", {"done": done, "message": message})

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
    ``input.base_url``. ``fails_with`` is the code of the error when the example shows a failure. ``answer`` is what a
    person answers when the block pauses; without one its time comes.
    """

    config: Mapping[str, Any]
    output: Any = None
    input: Mapping[str, Any] = field(default_factory=dict)
    handle: str = SOURCE_HANDLE
    served: Mapping[str, Any] = field(default_factory=dict)
    fails_with: str | None = None
    answer: Mapping[str, Any] | None = None


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

    def retry_of(self, config: Mapping[str, Any]) -> RetryPolicy | None:
        """The policy of a block with this config (as the user wrote it) that names none."""
        return self.default_retry

    def timeout_of(self, config: Mapping[str, Any]) -> float | None:
        """The timeout in seconds of a block with this config (as the user wrote it) that names none."""
        return self.default_timeout_seconds

    def version_of(self, config: Mapping[str, Any]) -> str:
        """The version of the code that runs with this config (as the user wrote it); part of the fingerprint (W24)."""
        return self.version

    def declared_inputs(self, config: Mapping[str, Any]) -> frozenset[str] | None:
        """The names ``input.<name>`` may read, if this is an entry block that declares them."""
        return None

    def runs_async(self, config: ConfigT) -> bool:
        """Whether ``run`` with this config answers an awaitable, for the process's event loop."""
        return inspect.iscoroutinefunction(self.run)

    @abstractmethod
    def run(
        self, context: BlockContext, config: ConfigT
    ) -> BlockResult | BlockPause | Awaitable[BlockResult | BlockPause]:
        """Do the work: answer a ``BlockResult`` or a ``BlockPause``, or raise ``BlockFailed``. May be ``async def``."""

    def wake(self, context: BlockContext, config: ConfigT, answer: Answer) -> BlockResult | BlockPause:
        """Go on after a ``BlockPause``; must take microseconds. Raise ``BlockFailed`` to refuse."""
        raise NotImplementedError(f"{self.name} blocks never pause")


class ContainerBlock(Block[ConfigT]):
    """A block that holds others and runs them as iterations: a loop, a parallel (W10).

    The engine opens it, runs the iterations, and makes its output of their results; ``run`` is never called.
    """

    container: ClassVar[bool] = True

    @abstractmethod
    def open(self, context: BlockContext, config: ConfigT) -> Opening:
        """How it runs this time. Pure. Raise ``BlockFailed`` for what cannot be iterated."""

    def goes_on(self, context: BlockContext, config: ConfigT) -> bool:
        """Whether a while loop begins the iteration that ``context.roots`` is of. An error fails the loop."""
        raise NotImplementedError(f"{self.name} blocks have no condition")

    def run(self, context: BlockContext, config: ConfigT) -> BlockResult:
        """Containers are opened, not run."""
        raise NotImplementedError(f"{self.name} blocks are opened, not run")
