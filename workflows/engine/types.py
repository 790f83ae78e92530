"""The plain, frozen values that the workflow engine takes and gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from pydantic import BaseModel

from workflows.states import Effect, ErrorClass, StepStatus

__all__ = [
    "DEFAULT_RETRY_ON",
    "ERROR_HANDLE",
    "SOURCE_HANDLE",
    "Backoff",
    "BlockError",
    "BlockSpec",
    "BlockType",
    "Definition",
    "Edge",
    "Effect",
    "ErrorClass",
    "Fault",
    "Opening",
    "RetryPolicy",
    "Severity",
    "StepRecord",
    "StepStatus",
    "UnknownOutcome",
]

SOURCE_HANDLE: Final = "source"
"""The port an edge leaves from when it names none; taken after success."""

ERROR_HANDLE: Final = "error"
"""The port taken after an exhausted failure; every block has it."""

DEFAULT_RETRY_ON: Final = frozenset({ErrorClass.TIMEOUT, ErrorClass.RATE_LIMITED, ErrorClass.UPSTREAM})
"""Faults that may be gone a moment later. A wrong value or a bug will not be (W16)."""


class Backoff(StrEnum):
    """How the delay grows from one attempt to the next."""

    FIXED = "fixed"
    EXPONENTIAL = "exponential"


class UnknownOutcome(StrEnum):
    """What becomes of an unsafe block that was under way when its worker died (W15): a person is asked by default."""

    ASK = "ask"
    RETRY = "retry"
    FAIL = "fail"


class Severity(StrEnum):
    """An error keeps a draft from running or being published; a warning does not (W1)."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a failed block is tried again (W16).

    ``max_attempts`` counts the first try (1–10). ``jitter`` (0–1) is the share of a delay that chance may
    take away. See ``engine.retry`` for the formula and a worked series. ``on_unknown`` is for unsafe blocks.
    """

    max_attempts: int = 3
    kind: Backoff = Backoff.EXPONENTIAL
    delay_seconds: float = 1.0
    cap_seconds: float = 60.0
    jitter: float = 0.2
    retry_on: frozenset[ErrorClass] = DEFAULT_RETRY_ON
    on_unknown: UnknownOutcome = UnknownOutcome.ASK


@dataclass(frozen=True, slots=True)
class BlockSpec:
    """A block as the user defined it. ``retry`` and ``timeout_seconds`` of None mean the type's default."""

    key: str
    type: str
    name: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    retry: RetryPolicy | None = None
    timeout_seconds: float | None = None
    enabled: bool = True
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """A connection from one block's port to another block."""

    source: str
    handle: str
    target: str


@dataclass(frozen=True, slots=True)
class Definition:
    """The graph of blocks as the user drew it, disabled blocks included."""

    blocks: tuple[BlockSpec, ...] = ()
    edges: tuple[Edge, ...] = ()


@dataclass(frozen=True, slots=True)
class BlockError:
    """Why an attempt failed: the class decides on retries, the code is stable, the message is for people."""

    error_class: ErrorClass
    code: str
    message: str
    detail: Mapping[str, Any] | None = None
    retry_after_seconds: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape in which an error is stored, shown, and read as ``blocks.<key>.error``."""
        shown: dict[str, Any] = {"class": str(self.error_class), "code": self.code, "message": self.message}
        if self.detail is not None:
            shown["detail"] = dict(self.detail)
        if self.retry_after_seconds is not None:
            shown["retry_after_seconds"] = self.retry_after_seconds
        return shown


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A finished step as routing needs it. ``key`` is its step key (`scopes`).

    ``status`` is completed, failed (attempts exhausted) or skipped. ``handle`` is the port a completed block
    chose; None stands for ``source``.
    """

    key: str
    status: StepStatus
    handle: str | None = None
    output: Any = None
    error: BlockError | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """How a container runs, as its config resolved when it was reached (W10).

    ``count`` iterations, one per item when there are ``items``; a ``count`` of None is a while loop, asked before each
    iteration. ``concurrency`` iterations are under way at once (a loop: 1). ``collect`` keeps going over a failed
    iteration and collects its error. ``cap`` ends a while loop that would not end by itself.
    """

    count: int | None
    items: tuple[Any, ...] | None = None
    concurrency: int = 1
    collect: bool = False
    cap: int = 1_000

    def as_json(self) -> dict[str, Any]:
        """The shape in which the ledger keeps it while the container is open."""
        return {
            "count": self.count,
            "items": None if self.items is None else list(self.items),
            "concurrency": self.concurrency,
            "collect": self.collect,
            "cap": self.cap,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Opening:
        """The opening that `as_json` stored."""
        items = stored["items"]
        return cls(
            count=stored["count"],
            items=None if items is None else tuple(items),
            concurrency=stored["concurrency"],
            collect=stored["collect"],
            cap=stored["cap"],
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a definition: where (``block`` None = the whole), what, and how to put it right.

    ``field`` is a dotted path inside the block (``config.headers.X-Key``, ``parent``, ``retry.max_attempts``)
    or, for faults of the whole, inside the definition (``edges[3].to``).
    """

    block: str | None
    field: str | None
    code: str
    message: str
    severity: Severity = Severity.ERROR


class BlockType(Protocol):
    """What the engine needs to know of a registered block type (W3).

    ``config`` arguments are the config as the user wrote it: templates unresolved, perhaps invalid; the
    methods must not raise on such input.
    """

    @property
    def name(self) -> str:
        """The word a definition's ``type`` names it by."""

    @property
    def config_model(self) -> type[BaseModel]:
        """The typed config; its fields carry the markers of ``engine.fields``."""

    @property
    def entry(self) -> bool:
        """Whether runs begin at blocks of this type (``start``)."""

    @property
    def container(self) -> bool:
        """Whether other blocks may name it as their ``parent`` (loop, parallel)."""

    @property
    def responds(self) -> bool:
        """Whether its output fixes the run's result (``respond``, W11)."""

    def handles(self, config: Mapping[str, Any]) -> frozenset[str]:
        """The ports that may be chosen after success (usually ``{"source"}``); ``error`` is always there."""

    def effect(self, config: Mapping[str, Any]) -> Effect:
        """The effect class of a block with this config (an http GET is not a POST, W15)."""

    def retry_of(self, config: Mapping[str, Any]) -> RetryPolicy | None:
        """The policy of a block with this config that names none."""

    def timeout_of(self, config: Mapping[str, Any]) -> float | None:
        """The timeout in seconds of a block with this config that names none."""

    def version_of(self, config: Mapping[str, Any]) -> str:
        """Version of the handler of a block with this config; part of the fingerprint (W24)."""

    def declared_inputs(self, config: Mapping[str, Any]) -> frozenset[str] | None:
        """Names that ``input.<name>`` may read, as an entry block declares them; None: not declared, any."""
