"""Whether every cell is right: completed with the values it should hold, failed for the true reason, or skipped.

What a person changed since (a workflow, a workflow group, values typed over) is left alone, and said to be unchecked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from config.demo.api import Api
from config.demo.expected import CONDITIONS, EXPECTED, EXPECTED_OF_FAILED, Fails, is_installed
from config.demo.sheet import GROUPS, Group

JSON = Mapping[str, Any]


@dataclass(slots=True)
class Verdict:
    """How many cells were judged, what is wrong with which, and what was left out."""

    judged: int = 0
    faults: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The table's groups that are still as the demo made them, by name, and who fills which column."""

    dispatch: str
    ids: Mapping[str, str]
    fills: Mapping[str, str | None]
    same: Sequence[Group]


def judge(api: Api, dispatch: JSON, rows: Sequence[JSON]) -> Verdict:
    """Judge every cell of these rows, as the API shows them after that dispatch of the whole table."""
    verdict = Verdict()
    sheet = _sheet(api, dispatch, verdict)
    for row in rows:
        _judge_row(sheet, row, verdict)
    return verdict


def account_faults(dispatch: JSON) -> list[str]:
    """A dispatch must be complete, and its own account must add up: each cell of its scope under one heading (T13)."""
    progress = dispatch["progress"]
    told = sum(progress[name] for name in ("completed", "failed", "cancelled", "paused"))
    told += sum(progress["skipped"].values())
    cells = (progress["rows_total"] or 0) * len(dispatch["groups"])
    faults = [] if dispatch["status"] == "complete" else [f"The dispatch is {dispatch['status']}."]
    return faults if told == cells else [*faults, f"The dispatch accounts for {told} of {cells} cells."]


def _sheet(api: Api, dispatch: JSON, verdict: Verdict) -> _Sheet:
    shown = api.get(f"tables/{dispatch['table']}/")
    groups = {group["name"]: group for group in shown["groups"]}
    ids = {name: group["id"] for name, group in groups.items()}
    same = []
    for group in GROUPS:
        if group.name not in groups:
            verdict.unchecked.append(f"{group.name}: there is no such workflow group any more")
        elif not _is_ours(api, group, groups[group.name]):
            verdict.unchecked.append(f"{group.name}: changed since the demo made it")
        else:
            same.append(group)
    fills = {column["key"]: column["group"] for column in shown["columns"]}
    return _Sheet(dispatch["id"], ids, fills, same)


def _is_ours(api: Api, group: Group, stored: JSON) -> bool:
    """Whether group and workflow are as they were made."""
    versions = api.get(f"workflows/{stored['workflow']}/versions/")["results"]
    live = next(version["number"] for version in versions if stored["ref"] in version["refs"])
    definition = api.get(f"workflows/{stored['workflow']}/versions/{live}/")["definition"]
    return stored["revision"] == 1 and bool(definition == group.definition)


def _judge_row(sheet: _Sheet, row: JSON, verdict: Verdict) -> None:
    name = f"{row['data'].get('package')} {row['data'].get('version')}"
    completed = any(cell["status"] == "completed" for cell in row["cells"].values())
    if row["edited"]:
        verdict.unchecked.append(f"{name}: edited by hand")
    elif completed and not is_installed(row["data"]):
        verdict.unchecked.append(f"{name}: no longer installed")
    else:
        faults = ((group.name, _cell_fault(sheet, group, row)) for group in sheet.same)
        verdict.faults += [f"{name} · {group}: {fault}" for group, fault in faults if fault]
        verdict.judged += len(sheet.same)


def _cell_fault(sheet: _Sheet, group: Group, row: JSON) -> str:
    """What is wrong with one cell; empty when it is right."""
    cell = row["cells"].get(sheet.ids[group.name])
    skipped = _skipped(sheet, group, row)
    if cell is None:
        return "" if skipped else "it never ran"
    if cell["status"] not in {"completed", "failed"}:
        return f"it is {cell['status']}"
    if skipped:  # by itself, in another run, a group does not wait for its dependencies (T7)
        ours = cell.get("dispatch") == sheet.dispatch
        return f"it is {cell['status']}, and should have been skipped: {skipped}" if ours else ""
    return _outcome_fault(group, row, cell)


def _outcome_fault(group: Group, row: JSON, cell: JSON) -> str:
    """What is wrong with how a cell ended that was right to run."""
    expected = EXPECTED_OF_FAILED if cell["status"] == "failed" else EXPECTED
    try:
        wanted = expected[group.name](row["data"])
    except Fails as failure:
        return _failure_fault(cell, failure)
    if cell["status"] == "failed":
        return f"it failed without cause: {cell['error']['message']}"
    held = {key: row["data"].get(key) for key in wanted}
    wrong = (key for key in wanted if held[key] != wanted[key])
    return "; ".join(f"{key} is {held[key]!r} and should be {wanted[key]!r}" for key in wrong)


def _failure_fault(cell: JSON, failure: Fails) -> str:
    if cell["status"] == "completed":
        return f"it completed, and should have failed with {failure}"
    error = cell["error"]
    if error["code"] != failure.code or failure.words not in error["message"]:
        return f"it failed with {error['code']}: {error['message']}, and should have with {failure}"
    return ""


def _skipped(sheet: _Sheet, group: Group, row: JSON) -> str:
    """Why the group should not run on this row; empty when it should."""
    for key in group.depends_on:
        filler = sheet.fills.get(key)
        cell = row["cells"].get(filler) if filler else {"status": "completed"}
        if row["data"].get(key) in (None, "", []) or cell is None or cell["status"] != "completed":
            return f"it waits for {key}"
    condition = CONDITIONS.get(group.name)
    return "its condition is false" if condition and not condition(row["data"]) else ""
