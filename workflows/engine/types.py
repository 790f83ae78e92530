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
    "RetryPolicy",
    "Severity",
    "StepRecord",
    "StepStatus",
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


class Severity(StrEnum):
    """An error keeps a draft from running or being published; a warning does not (W1)."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a failed block is tried again (W16).

    ``max_attempts`` counts the first try (1–10). ``jitter`` (0–1) is the share of a delay that chance may
    take away. See ``engine.retry`` for the formula and a worked series.
    """

    max_attempts: int = 3
    kind: Backoff = Backoff.EXPONENTIAL
    delay_seconds: float = 1.0
    cap_seconds: float = 60.0
    jitter: float = 0.2
    retry_on: frozenset[ErrorClass] = DEFAULT_RETRY_ON


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
    """A finished step as routing needs it.

    ``status`` is completed, failed (attempts exhausted) or skipped. ``handle`` is the port a completed block
    chose; None stands for ``source``.
    """

    key: str
    status: StepStatus
    handle: str | None = None
    output: Any = None
    error: BlockError | None = None


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
    def version(self) -> str:
        """Version of the handler; part of the fingerprint, so that changed code is not reused (W24)."""

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

    @property
    def default_retry(self) -> RetryPolicy | None:
        """Policy of blocks that name none; None means one attempt."""

    @property
    def default_timeout_seconds(self) -> float | None:
        """Timeout of blocks that name none; None means only the run's deadline bounds it."""

    def handles(self, config: Mapping[str, Any]) -> frozenset[str]:
        """The ports that may be chosen after success (usually ``{"source"}``); ``error`` is always there."""

    def effect(self, config: Mapping[str, Any]) -> Effect:
        """The effect class of a block with this config (an http GET is not a POST, W15)."""

    def declared_inputs(self, config: Mapping[str, Any]) -> frozenset[str] | None:
        """Names that ``input.<name>`` may read, as an entry block declares them; None: not declared, any."""
