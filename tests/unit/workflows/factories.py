"""Block types that do nothing, and short ways to draw graphs of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict

from workflows.engine.fields import Expression, Template
from workflows.engine.types import (
    BlockError,
    BlockSpec,
    Definition,
    Edge,
    Effect,
    ErrorClass,
    RetryPolicy,
    StepRecord,
    StepStatus,
)
from workflows.engine.version import CompiledVersion, compile_version


class AnyConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")
    value: Annotated[Any, Template()] = None
    secret: Annotated[str, Template(secrets=True)] = ""
    when: Annotated[str, Expression()] = "true"
    each: Annotated[str, Expression(adds=frozenset({"item"}))] = "true"
    until: Annotated[str, Expression(adds=frozenset({"index"}))] = "true"
    count: Annotated[int, Template()] = 0
    plain: str = ""


class DecisionConfig(BaseModel):
    ports: list[str] = ["yes", "no"]


class StartConfig(BaseModel):
    inputs: list[str] | None = None


class Basic(BaseModel):
    kind: Literal["basic"]
    password: Annotated[str, Template(secrets=True)]


class Bearer(BaseModel):
    kind: Literal["bearer"]
    token: Annotated[str, Template(secrets=True)]
    realm: str = ""


class NestedConfig(BaseModel):
    headers: dict[str, Annotated[str, Template()]] = {}
    parts: list[AnyConfig] = []
    auth: Basic | Bearer | None = None
    note: Annotated[str | None, Template()] = None
    greeting: Annotated[str, Template()] = "Hello {{ input.name }}"


@dataclass(frozen=True)
class FakeType:
    """A block type as the registry would supply it."""

    name: str
    config_model: type[BaseModel] = AnyConfig
    version: str = "1"
    entry: bool = False
    container: bool = False
    responds: bool = False
    default_retry: RetryPolicy | None = None
    default_timeout_seconds: float | None = None

    def handles(self, config: Mapping[str, Any]) -> frozenset[str]:
        if self.name == "decide":
            return frozenset(config.get("ports", ["yes", "no"]))
        return frozenset({"source"})

    def effect(self, config: Mapping[str, Any]) -> Effect:
        return Effect.PURE

    def retry_of(self, config: Mapping[str, Any]) -> RetryPolicy | None:
        return self.default_retry

    def timeout_of(self, config: Mapping[str, Any]) -> float | None:
        return self.default_timeout_seconds

    def version_of(self, config: Mapping[str, Any]) -> str:
        return self.version

    def declared_inputs(self, config: Mapping[str, Any]) -> frozenset[str] | None:
        declared = config.get("inputs") if self.entry else None
        return None if declared is None else frozenset(declared)


TYPES: dict[str, FakeType] = {
    fake.name: fake
    for fake in (
        FakeType("start", StartConfig, entry=True),
        FakeType("step", default_retry=RetryPolicy(max_attempts=2), default_timeout_seconds=30),
        FakeType("nested", NestedConfig),
        FakeType("decide", DecisionConfig),
        FakeType("respond", responds=True),
        FakeType("each", container=True),
    )
}


def block(key: str, type_: str = "step", **fields: Any) -> BlockSpec:
    return BlockSpec(key, type_, **fields)


def edge(text: str) -> Edge:
    """``a>b`` by ``source``, ``a.error>b`` by a port."""
    source, target = text.split(">")
    source, _, handle = source.partition(".")
    return Edge(source, handle or "source", target)


def definition(*blocks: BlockSpec, edges: str = "") -> Definition:
    return Definition(blocks, tuple(map(edge, edges.split())))


def graph(edges: str, **types: str) -> CompiledVersion:
    """A version drawn as its edges; blocks are ``step`` unless ``types`` says otherwise."""
    drawn = tuple(map(edge, edges.split()))
    keys = dict.fromkeys(key for one in drawn for key in (one.source, one.target)) | dict.fromkeys(types)
    return compile_version(
        Definition(tuple(block(key, types.get(key, "step")) for key in keys), drawn), TYPES
    )


def done(key: str, handle: str | None = None, output: Any = None) -> StepRecord:
    return StepRecord(key, StepStatus.COMPLETED, handle, output)


def failed(key: str, code: str = "boom") -> StepRecord:
    return StepRecord(key, StepStatus.FAILED, error=BlockError(ErrorClass.UPSTREAM, code, "it broke"))


def ledger(*records: StepRecord) -> dict[str, StepRecord]:
    return {record.key: record for record in records}
