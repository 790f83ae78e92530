"""A dispatch's progress in a terminal: one bar until it has ended. Shared by `run_table` and the demo."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tables.states import ACTIVE_DISPATCH

LOOK_SECONDS: Final = 0.25
ENDED: Final = ("completed", "failed", "cancelled", "paused")


def dispatch_follow(read: Callable[[], Mapping[str, Any]], console: Console, what: str) -> dict[str, Any]:
    """Show the bar until the dispatch has ended; returns how it ended.

    `read` answers the dispatch as REST shows it (`api.md`). On something that is no terminal nothing moves: the bar
    is printed once, at the end.
    """
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("cells"),
        TimeElapsedColumn(), TextColumn("{task.fields[note]}"), console=console,
    )  # fmt: skip
    with bar:
        task = bar.add_task(what, total=None, note="")
        while True:
            dispatch = read()
            progress = dispatch["progress"]
            bar.update(task, total=cells_of(dispatch), completed=cells_told(progress), note=_note(progress))
            if dispatch["status"] not in ACTIVE_DISPATCH:
                return dict(dispatch)
            time.sleep(LOOK_SECONDS)


def cells_of(dispatch: Mapping[str, Any]) -> int | None:
    """Cells in the dispatch's scope; `None` while its rows are not counted yet."""
    rows = dispatch["progress"]["rows_total"]
    return None if rows is None else int(rows) * len(list(dispatch["groups"]))


def cells_told(progress: Mapping[str, Any]) -> int:
    """Cells that ended, or were skipped, up to now."""
    return sum(int(progress[name]) for name in ENDED) + sum(map(int, progress["skipped"].values()))


def _note(progress: Mapping[str, Any]) -> str:
    """`3 failed, 12 running`."""
    counted = ((name, progress[name]) for name in ("failed", "cancelled", "running"))
    return ", ".join(f"{count} {name}" for name, count in counted if count)
