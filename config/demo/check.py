"""Whether every cell is right: completed with what it should hold, failed for the true reason, skipped, or waiting.

What a person changed since (a workflow, a workflow group, values typed over) is left alone, and said to be unchecked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from config.demo.api import Api
from config.demo.sheet import Group, Sheet
from config.demo.truth import Fails, Truth

JSON = Mapping[str, Any]


@dataclass(slots=True)
class Verdict:
    """How many cells were judged, what is wrong with which, and what was left out."""

    judged: int = 0
    faults: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Case:
    """What is judged by what: the groups that are still as the demo made them, and who fills which column."""

    sheet: Sheet
    truth: Truth
    dispatch: str
    ids: Mapping[str, str]
    fills: Mapping[str, str | None]
    same: Sequence[Group]


def judge(api: Api, sheet: Sheet, truth: Truth, dispatch: JSON, rows: Sequence[JSON]) -> Verdict:
    """Judge every cell of these rows, as the API shows them after that dispatch of the whole table."""
    verdict = Verdict()
    case = _case(api, sheet, truth, dispatch, verdict)
    for row in rows:
        _judge_row(case, row, verdict)
    return verdict


def account_faults(dispatch: JSON) -> list[str]:
    """A dispatch must be complete, and its own account must add up: each cell of its scope under one heading (T13)."""
    progress = dispatch["progress"]
    told = sum(progress[name] for name in ("completed", "failed", "cancelled", "paused"))
    told += sum(progress["skipped"].values())
    cells = (progress["rows_total"] or 0) * len(dispatch["groups"])
    faults = [] if dispatch["status"] == "complete" else [f"The dispatch is {dispatch['status']}."]
    return faults if told == cells else [*faults, f"The dispatch accounts for {told} of {cells} cells."]


def _case(api: Api, sheet: Sheet, truth: Truth, dispatch: JSON, verdict: Verdict) -> _Case:
    shown = api.get(f"tables/{dispatch['table']}/")
    groups = {group["name"]: group for group in shown["groups"]}
    ids = {name: group["id"] for name, group in groups.items()}
    same = []
    for group in sheet.groups:
        if group.name not in groups:
            verdict.unchecked.append(f"{group.name}: there is no such workflow group any more")
        elif not _is_ours(api, group, groups[group.name]):
            verdict.unchecked.append(f"{group.name}: changed since the demo made it")
        else:
            same.append(group)
    fills = {column["key"]: column["group"] for column in shown["columns"]}
    return _Case(sheet, truth, dispatch["id"], ids, fills, same)


def _is_ours(api: Api, group: Group, stored: JSON) -> bool:
    """Whether group and workflow are as they were made."""
    versions = api.get(f"workflows/{stored['workflow']}/versions/")["results"]
    live = next(version["number"] for version in versions if stored["ref"] in version["refs"])
    definition = api.get(f"workflows/{stored['workflow']}/versions/{live}/")["definition"]
    return stored["revision"] == 1 and bool(definition == group.definition)


def _judge_row(case: _Case, row: JSON, verdict: Verdict) -> None:
    name = case.sheet.label(row["data"])
    completed = any(cell["status"] == "completed" for cell in row["cells"].values())
    gone = case.truth.gone(row["data"]) if completed else ""
    if row["edited"]:
        verdict.unchecked.append(f"{name}: edited by hand")
    elif gone:
        verdict.unchecked.append(f"{name}: {gone}")
    else:
        faults = ((group.name, _cell_fault(case, group, row)) for group in case.same)
        verdict.faults += [f"{name} · {group}: {fault}" for group, fault in faults if fault]
        verdict.judged += len(case.same)


def _cell_fault(case: _Case, group: Group, row: JSON) -> str:
    """What is wrong with one cell; empty when it is right."""
    cell = row["cells"].get(case.ids[group.name])
    skipped = _skipped(case, group, row)
    if cell is None:
        return "" if skipped else "it never ran"
    if cell["status"] not in {"completed", "failed", "paused"}:
        return f"it is {cell['status']}"
    if skipped:  # by itself, in another run, a group does not wait for its dependencies (T7)
        ours = cell.get("dispatch") == case.dispatch
        return f"it is {cell['status']}, and should have been skipped: {skipped}" if ours else ""
    waiting = case.truth.waiting.get(group.name)
    waits = waiting(row["data"]) if waiting else None
    if cell["status"] == "paused":
        return "it waits, and should not" if waits is None else _values_fault(row, waits)
    if waits is not None and cell.get("dispatch") == case.dispatch:
        return f"it is {cell['status']}, and should wait"
    return _outcome_fault(case.truth, group, row, cell)


def _outcome_fault(truth: Truth, group: Group, row: JSON, cell: JSON) -> str:
    """What is wrong with how a cell ended that was right to run."""
    failed = cell["status"] == "failed"
    expected = {**truth.values, **truth.of_failed} if failed else truth.values
    try:
        wanted = expected[group.name](row["data"])
    except Fails as failure:
        return _failure_fault(cell, failure)
    return f"it failed without cause: {cell['error']['message']}" if failed else _values_fault(row, wanted)


def _values_fault(row: JSON, wanted: JSON) -> str:
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


def _skipped(case: _Case, group: Group, row: JSON) -> str:
    """Why the group should not run on this row; empty when it should."""
    for key in group.depends_on:
        filler = case.fills.get(key)
        cell = row["cells"].get(filler) if filler else {"status": "completed"}
        if row["data"].get(key) in (None, "", []) or cell is None or cell["status"] != "completed":
            return f"it waits for {key}"
    condition = case.truth.conditions.get(group.name)
    return "its condition is false" if condition and not condition(row["data"]) else ""
