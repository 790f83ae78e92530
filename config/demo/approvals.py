"""The refunds that wait for a person: found over REST, then one decided over REST and one by the link in its mail."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from email import message_from_bytes
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx

from config.demo.api import Api
from config.demo.tickets import ANSWERING, APPROVED, REJECTED

JSON = Mapping[str, Any]
PATIENCE_SECONDS: Final = 30.0
NOTE: Final = "As agreed with the customer."
_LINK: Final = re.compile(r"https?://\S+/answer/\S+/")


def approvals_open(api: Api) -> Sequence[JSON]:
    """What the tickets' runs ask, oldest first."""
    return [pause for pause in api.all("pauses/") if pause["workflow_name"] == ANSWERING.name][::-1]


def decide(api: Api, table: str, asked: Sequence[JSON], mails: Path) -> list[str]:
    """Approve every other over REST, reject the rest by their links; what is wrong with what came of it."""
    faults: list[str] = []
    wanted: dict[str, str] = {}
    for number, pause in enumerate(asked):
        if number % 2 == 0:
            answer = {"decision": "approve", "fields": {"note": NOTE}}
            api.post(f"runs/{pause['run']}/pauses/{pause['id']}/answer/", answer)
        else:
            faults += _reject_by_link(pause["request"]["message"], mails)
        wanted[pause["run"]] = REJECTED if number % 2 else APPROVED
    return faults or _outcome_faults(api, table, wanted)


def link_mailed(message: str, mails: Path) -> str | None:
    """The link in the newest mail that asks this; None when there is no such mail."""
    for written in sorted(mails.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True):
        body = message_from_bytes(written.read_bytes()).get_payload(decode=True)
        text = body.decode() if isinstance(body, bytes) else ""
        if message in text and (found := _LINK.search(text)):
            return found[0]
    return None


def _reject_by_link(message: str, mails: Path) -> list[str]:
    """As somebody without an account; what is wrong with how the link fared."""
    link = link_mailed(message, mails)
    if link is None:
        return [f"No mail asks: {message}"]
    with httpx.Client(headers={"Accept": "application/json"}, timeout=30, trust_env=False) as guest:
        shown = guest.get(link)
        if shown.status_code != HTTPStatus.OK or shown.json()["message"] != message:
            return [f"The link for “{message}” shows something else."]
        statuses = [
            guest.post(link, json={"decision": "reject", "name": "Demo"}).status_code for _ in range(2)
        ]
    if statuses != [HTTPStatus.OK, HTTPStatus.CONFLICT]:
        return [f"The link for “{message}” was answered with {statuses}, and should work once."]
    return []


def _outcome_faults(api: Api, table: str, wanted: Mapping[str, str]) -> list[str]:
    """Whether the runs went on as they were told, under the cells they had."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        rows = list(api.all(f"tables/{table}/rows/"))
        cells = {cell["run"]: (cell, row["data"]) for row in rows for cell in row["cells"].values()}
        found = {run: cells[run] for run in wanted if run in cells}
        if all(cell["status"] == "completed" for cell, _ in found.values()) or time.monotonic() > until:
            break
        time.sleep(0.2)
    faults = ["A cell lost the run that asked for it."] if len(found) < len(wanted) else []
    for run, (cell, data) in found.items():
        if (cell["status"], data.get("decision")) != ("completed", wanted[run]):
            faults.append(
                f"{data['ticket']} is {cell['status']}, {data.get('decision')}; should be {wanted[run]}."
            )
    return faults
