"""The local model server on a real socket, and blocks asked against it as the executor would."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest

from config.local_llm.serving import Serving, serving


@pytest.fixture
def llm_server(settings: Any) -> Iterator[Serving]:
    """A server of this test's own, which the install allows to be called."""
    with serving() as server:
        settings.RUNSHEET_HTTP_ALLOW = [server.allowed]
        yield server


@dataclass
class Asker:
    """One workspace whose steps ask models. ``told`` is what they showed, in order."""

    workspace_id: UUID = field(default_factory=uuid4)
    secrets: dict[str, str] = field(default_factory=dict)
    told: list[tuple[str, Any]] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def ask(
        self, type_name: str, config: dict[str, Any], *, seconds: float = 10.0, step: str | None = None
    ) -> Any:
        """One attempt on a loop of its own: the result, or what the block raises."""
        return asyncio.run(self.asking(type_name, config, seconds, step))

    async def asking(self, type_name: str, config: dict[str, Any], seconds: float, step: str | None) -> Any:
        """The same, leaving no connection behind on the running loop."""
        from workflows.blocks import llm_limits
        from workflows.blocks.fetch import shared_pool

        try:
            return await self.attempt(type_name, config, seconds, step)
        finally:
            await shared_pool().client.aclose()
            await llm_limits.close()

    async def attempt(
        self, type_name: str, config: dict[str, Any], seconds: float = 10.0, step: str | None = None
    ) -> Any:
        """One attempt on the running loop, whose connections stay."""
        from workflows.blocks.base import BlockContext
        from workflows.blocks.registry import block_types

        block = block_types()[type_name]
        context = BlockContext(
            run_id=uuid4(),
            workspace_id=self.workspace_id,
            step_key="ask",
            attempt=1,
            idempotency_key=step or uuid4().hex,
            roots={},
            deadline_monotonic=time.monotonic() + seconds,
            secrets=self.secrets,
            cancelled=self.cancelled,
            tell=lambda kind, value: self.told.append((kind, value)),
        )
        answer: Any = block.run(context, block.config_model.model_validate(config))
        return await answer

    @property
    def chunks(self) -> list[str]:
        """The pieces of text that were shown."""
        return [value for kind, value in self.told if kind == "chunk"]
