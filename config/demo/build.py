"""The demo's table, made through the REST API as a person would: workflows, columns, groups, then the CSV import.

The rows come last, so a table that has any is finished: from then on it belongs to the person, and all that is
added are packages (or versions of them) that were installed since.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution
from typing import Any, Final

from config.demo import distributions
from config.demo.api import Api
from config.demo.sheet import ABOUT, GROUPS, HOME_PAGE, PACKAGE, TABLE, TYPED, VERSION, Column, Group

IMPORT_SECONDS: Final = 60.0
FILENAME: Final = "installed-packages.csv"


class ImportUnfinished(Exception):
    """The CSV import did not end as it should; the message says how."""


@dataclass(frozen=True, slots=True)
class Built:
    """The table, and how many rows were imported just now."""

    table: str
    imported: int


def table_ready(api: Api) -> Built:
    """Find the table or make it, and import what is not in it yet."""
    table = next((found for found in api.all("tables/") if found["name"] == TABLE), None)
    table = table or api.post(
        "tables/", {"name": TABLE, "description": ABOUT, "columns": [c.wanted for c in TYPED]}
    )
    path = f"tables/{table['id']}/"
    if not table["row_count"]:
        _make_groups(api, path)
    return Built(table["id"], _import_missing(api, path))


def _make_groups(api: Api, path: str) -> None:
    present = {group["name"] for group in api.get(path)["groups"]}
    for group in GROUPS:
        if group.name not in present:
            api.post(f"{path}groups/", _wanted(group, _workflow(api, group)))
    ids = {column["key"]: column["id"] for column in api.get(path)["columns"]}
    widths = {ids[column.key]: column.width for column in _columns() if column.key in ids}
    api.put(f"{path}layout/", {"widths": widths, "pinned": [ids[PACKAGE.key]] if PACKAGE.key in ids else []})


def _workflow(api: Api, group: Group) -> str:
    """The id of the group's workflow, published as `live`."""
    found = next((each for each in api.all("workflows/") if each["name"] == group.name), None)
    found = found or api.post(
        "workflows/", {"name": group.name, "description": group.about, "definition": group.definition}
    )
    if not any(ref["name"] == "live" for ref in found["refs"]):
        api.post(f"workflows/{found['id']}/publish/", {"ref": "live", "note": "As the demo brings it."})
    return str(found["id"])


def _wanted(group: Group, workflow: str) -> dict[str, Any]:
    return {
        "name": group.name,
        "workflow": workflow,
        "inputs": {name: {"column": key} for name, key in group.inputs.items()},
        "outputs": [{"path": column.path, "column": column.wanted} for column in group.outputs],
        "depends_on": list(group.depends_on),
        "condition": group.condition,
    }


def _columns() -> list[Column]:
    return [*TYPED, *(column for group in GROUPS for column in group.outputs)]


def _import_missing(api: Api, path: str) -> int:
    """Import the packages that have no row of their version yet; how many."""
    columns = {column["key"] for column in api.get(path)["columns"]}
    if not {PACKAGE.key, VERSION.key} <= columns:
        return 0  # a person removed them: there is nothing left to tell rows apart by
    known = {
        (row["data"].get(PACKAGE.key), row["data"].get(VERSION.key))
        for row in api.all(f"{path}rows/", fields=f"{PACKAGE.key},{VERSION.key}")
    }
    missing = [found for found in distributions.installed() if (found.name, found.version) not in known]
    if missing:
        _import(api, path, missing)
    return len(missing)


def _import(api: Api, path: str, missing: Sequence[Distribution]) -> None:
    """Append them as a CSV file; headers find the columns of their name, a column that is gone is left out."""
    content = _csv(missing)
    preview = api.upload(f"{path}imports/preview/", FILENAME, content)
    mapping = {header: to if isinstance(to, str) else None for header, to in preview["mapping"].items()}
    job = api.upload(f"{path}imports/", FILENAME, content, mapping=mapping)
    _wait(api, job["id"], len(missing))


def _csv(found: Sequence[Distribution]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([PACKAGE.name, VERSION.name, HOME_PAGE.name])
    writer.writerows([each.name, each.version, distributions.home_page(each)] for each in found)
    return text.getvalue().encode()


def _wait(api: Api, job_id: str, rows: int) -> None:
    until = time.monotonic() + IMPORT_SECONDS
    while (job := api.get(f"jobs/{job_id}/"))["status"] in {"queued", "running"}:
        if time.monotonic() > until:
            raise ImportUnfinished(f"The import is still {job['status']} after {IMPORT_SECONDS:g} s.")
        time.sleep(0.1)
    done = job["progress"]["rows_done"]
    if job["status"] != "completed" or done != rows:
        why = (job["error"] or {}).get("message", f"{job['progress']['rows_rejected']} rows were refused")
        raise ImportUnfinished(f"The import is {job['status']} with {done} of {rows} rows: {why}.")
