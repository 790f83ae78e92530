"""A table of the demo, made through the REST API as a person would: workflows, columns, groups, then the CSV import.

The rows come last, so a table that has any is finished: from then on it belongs to the person, and all that is
added are records that came since, such as packages (or versions of them) that were installed.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from config.demo.api import Api
from config.demo.sheet import Group, Sheet

IMPORT_SECONDS: Final = 60.0


class ImportUnfinished(Exception):
    """The CSV import did not end as it should; the message says how."""


@dataclass(frozen=True, slots=True)
class Built:
    """The table, and how many rows were imported just now."""

    table: str
    imported: int


def table_ready(api: Api, sheet: Sheet) -> Built:
    """Find the table or make it, and import what is not in it yet."""
    table = next((found for found in api.all("tables/") if found["name"] == sheet.name), None)
    table = table or api.post(
        "tables/",
        {"name": sheet.name, "description": sheet.about, "columns": [c.wanted for c in sheet.typed]},
    )
    path = f"tables/{table['id']}/"
    if not table["row_count"]:
        _make_groups(api, path, sheet)
        _make_trigger(api, table["id"], sheet)
    return Built(table["id"], _import_missing(api, path, sheet))


def _make_groups(api: Api, path: str, sheet: Sheet) -> None:
    present = {group["name"] for group in api.get(path)["groups"]}
    for group in sheet.groups:
        if group.name not in present:
            api.post(f"{path}groups/", _wanted(group, _workflow(api, group)))
    ids = {column["key"]: column["id"] for column in api.get(path)["columns"]}
    widths = {ids[column.key]: column.width for column in sheet.columns if column.key in ids}
    first = sheet.typed[0].key
    api.put(f"{path}layout/", {"widths": widths, "pinned": [ids[first]] if first in ids else []})


def _make_trigger(api: Api, table: str, sheet: Sheet) -> None:
    """What runs the table again by itself; nobody has to be up at night for the audit to be of today."""
    if sheet.again and not api.get("triggers/", table=table)["results"]:
        api.post(
            "triggers/",
            {
                "name": f"{sheet.name}, nightly",
                "table": table,
                "target_options": {"mode": "all"},
                "cron_expression": sheet.again,
                "cron_timezone": "UTC",
            },
        )


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


def _import_missing(api: Api, path: str, sheet: Sheet) -> int:
    """Import the records that have no row yet; how many."""
    keys = [column.key for column in sheet.identity]
    if not set(keys) <= {column["key"] for column in api.get(path)["columns"]}:
        return 0  # a person removed them: there is nothing left to tell rows apart by
    known = {
        tuple(row["data"].get(key) for key in keys) for row in api.all(f"{path}rows/", fields=",".join(keys))
    }
    places = [sheet.typed.index(column) for column in sheet.identity]
    missing = [record for record in sheet.records() if tuple(record[place] for place in places) not in known]
    if missing:
        _import(api, path, sheet, missing)
    return len(missing)


def _import(api: Api, path: str, sheet: Sheet, missing: Sequence[tuple[str, ...]]) -> None:
    """Append them as a CSV file; headers find the columns of their name, a column that is gone is left out."""
    content = _csv(sheet, missing)
    preview = api.upload(f"{path}imports/preview/", sheet.filename, content)
    mapping = {header: to if isinstance(to, str) else None for header, to in preview["mapping"].items()}
    job = api.upload(f"{path}imports/", sheet.filename, content, mapping=mapping)
    _wait(api, job["id"], len(missing))


def _csv(sheet: Sheet, records: Sequence[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([column.name for column in sheet.typed])
    writer.writerows(records)
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
