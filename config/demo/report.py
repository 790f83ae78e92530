"""What the demo tells in the terminal: how the table stands, why cells failed or were skipped, and where to look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from config.demo.check import Verdict
from config.demo.sheet import Sheet

JSON = Mapping[str, Any]
FEW: Final = 5
LONGEST: Final = 180
WORDS: Final = {"paused": "waiting"}
REASONS: Final = {
    "condition_false": "their condition is false",
    "deps_unmet": "they wait for a column that is empty or failed",
    "completed": "completed before",
    "in_flight": "they are under way, or wait for a person",
}


def tell_table(
    console: Console,
    sheet: Sheet,
    dispatch: JSON,
    groups: Sequence[JSON],
    rows: Sequence[JSON],
    seconds: float,
) -> None:
    """The table after the dispatch: a line per workflow group, then the reasons in words."""
    progress = dispatch["progress"]
    ran = sum(progress[name] for name in ("completed", "failed", "cancelled"))
    handed = progress["rows_handed_over"]
    console.print(
        f"\n{handed} rows, {ran} cells in {seconds:.1f} s: {handed / seconds:.1f} rows/s, {ran / seconds:.0f} cells/s"
    )
    shown = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    statuses = ("completed", "failed", *(["paused"] if any(_waits(row) for row in rows) else []))
    for name in ("workflow group", *(WORDS.get(status, status) for status in statuses), "not run"):
        shown.add_column(name, justify="left" if name == "workflow group" else "right")
    for group in groups:
        counted = Counter(_status(row, group) for row in rows)
        told = [counted[status] for status in statuses]
        shown.add_row(escape(group["name"]), *map(str, told), str(len(rows) - sum(told)))
    console.print(shown)
    for reason, count in sorted(progress["skipped"].items()):
        console.print(f"{count} cells skipped: {REASONS.get(reason, reason)}", style="dim")
    _tell_failures(console, sheet, groups, rows)


def tell_waiting(console: Console, url: str, asked: Sequence[JSON], mails: Path) -> None:
    """What waits for a person, and the ways to decide."""
    if not asked:
        return
    wait = "1 cell waits" if len(asked) == 1 else f"{len(asked)} cells wait"
    console.print(
        f"{wait} for your approval: in the grid, at [bold]{url}/approvals/[/],"
        f" or by the links in the mails under {escape(str(mails))}."
    )
    for pause in asked:
        console.print(f"Asked: {pause['request']['message']}", markup=False, style="dim")


def tell_verdict(console: Console, verdict: Verdict, against: str) -> None:
    """What came of judging every cell again, without Runsheet."""
    for words in _few(verdict.unchecked, "not checked"):
        console.print(f"Not checked: {words}", style="yellow")
    for fault in _few(verdict.faults, "wrong"):
        console.print(f"Wrong: {fault}", style="red")
    if not verdict.faults:
        console.print(f"{verdict.judged} cells checked against {against}: all are right.", style="green")


def tell_address(console: Console, url: str, account: Mapping[str, Any]) -> None:
    """Where it is, and how to get in."""
    password = account["password"]
    shown = f"password [bold]{escape(password)}[/]" if password else "the password you have chosen"
    console.print(f"Runsheet is at [bold]{url}[/]. Sign in as [bold]{account['username']}[/], {shown}.")


def _tell_failures(console: Console, sheet: Sheet, groups: Sequence[JSON], rows: Sequence[JSON]) -> None:
    failures = [
        f"{row['data'].get(sheet.identity[0].key)} · {group['name']}: {row['cells'][group['id']]['error']['message']}"
        for row in rows
        for group in groups
        if _status(row, group) == "failed"
    ]
    for failure in _few(failures, "failed"):
        console.print(f"Failed: {shorten(failure, LONGEST, placeholder=' …')}", markup=False, style="yellow")


def _few(lines: Sequence[str], what: str) -> Iterable[str]:
    yield from lines[:FEW]
    if len(lines) > FEW:
        yield f"… and {len(lines) - FEW} more {what}"


def _waits(row: JSON) -> bool:
    return any(cell["status"] == "paused" for cell in row["cells"].values())


def _status(row: JSON, group: JSON) -> str:
    cell = row["cells"].get(group["id"])
    return str(cell["status"]) if cell else "none"
