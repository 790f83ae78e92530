"""A process of its own whose steps ask a model again and again, coming back whenever they are told to wait.

    python -m tests.bed.llm_callers URL CALLS CONFIG_JSON

It waits for a line on its input before it begins, so that several begin together, and prints how often it waited.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import django


async def main(url: str, calls: int, config: dict[str, Any]) -> int:
    """All calls at once; each until it has its answer. How often one was told to wait."""
    from tests.bed.llm_server import Asker
    from workflows.blocks import llm_limits
    from workflows.blocks.base import BlockPostponed
    from workflows.blocks.fetch import shared_pool

    asker, pool, waits = Asker(), shared_pool(), 0
    await asyncio.to_thread(begin_together)

    async def until_answered(step: str) -> None:
        nonlocal waits
        while True:
            try:
                await asker.attempt("llm", {"base_url": url, **config}, 60, step)
                return
            except BlockPostponed as later:
                waits += 1
                await asyncio.sleep(later.seconds)

    await asyncio.gather(*(until_answered(f"{asker.workspace_id}:{n}") for n in range(calls)))
    await pool.client.aclose()
    await llm_limits.close()
    return waits


def begin_together() -> None:
    """Say that all is ready, and wait for the word."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(f"{asyncio.run(main(sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])))}\n")
