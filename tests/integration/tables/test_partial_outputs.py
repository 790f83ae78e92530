"""What a cell shows before its run has ended: outputs of finished blocks, text under way (T19, W33)."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tables.models import Row
from tables.services.stopping import stop
from tables.services.streaming import SHOWN_CHARS, shown
from tests.bed.factories import Sheet, chain, probing, sheet_make
from tests.bed.running import Inbox, Probe
from tests.integration.tables.parked import cell, data, start
from tests.integration.tables.told import told, told_until
from workflows.blocks.base import BlockContext

pytestmark = pytest.mark.usefixtures("worker")


def steps_table(outputs: dict[str, str], *keys: str, **more: Any) -> Sheet:
    """One group of costly blocks in a row, each answering ``<key>:<name>``."""
    sheet = sheet_make()
    sheet.column("name")
    blocks = [probing(key, f"{key}:{{{{ row.name }}}}", **more) for key in keys]
    sheet.group("A", chain(*blocks), outputs=outputs, depends_on=["name"])
    sheet.fill([{"name": "n0"}])
    return sheet


@pytest.mark.rule("T19")
def test_the_output_of_a_block_appears_when_it_has_finished(inbox: Inbox, probe: Probe) -> None:
    sheet = steps_table({"x": "blocks.one", "y": "blocks.two", "z": "result"}, "one", "two", "three")
    seen: dict[str, dict[str, Any]] = {}

    def look(tag: str, _context: BlockContext) -> str:
        seen[tag] = data(sheet)
        return tag

    probe.does = look
    start(sheet)
    inbox.run_all()
    assert seen == {
        "one:n0": {"name": "n0"},
        "two:n0": {"name": "n0", "x": "one:n0"},
        "three:n0": {"name": "n0", "x": "one:n0", "y": "two:n0"},
    }
    assert data(sheet) == {"name": "n0", "x": "one:n0", "y": "two:n0", "z": "three:n0"}
    running = [e for e in told(sheet) if e.get("status") == "running" and "data" in e]
    assert [(e["data"], e["running_blocks"]) for e in running] == [
        ({"x": "one:n0"}, ["two"]),
        ({"y": "two:n0"}, ["three"]),
    ]
    (last,) = [e for e in told(sheet) if e.get("status") == "completed"]
    assert "running_blocks" not in last


@pytest.mark.rule("T19", "T26")
def test_nothing_partial_after_the_terminal_write(inbox: Inbox, probe: Probe) -> None:
    sheet = steps_table({"x": "blocks.one", "z": "result"}, "one", "two")

    def stopped(tag: str, _context: BlockContext) -> str:
        if tag == "one:n0":
            stop(table=sheet.table)
        return tag

    probe.does = stopped
    start(sheet)
    inbox.run_all()
    assert (cell(sheet).status, data(sheet)) == ("cancelled", {"name": "n0"})
    assert not [e for e in told(sheet) if "data" in e]


@pytest.mark.rule("T19")
def test_a_failed_run_leaves_what_its_blocks_had_shown(inbox: Inbox, probe: Probe) -> None:
    sheet = steps_table({"x": "blocks.one", "z": "result"}, "one", "two")

    def fails(tag: str, _context: BlockContext) -> str:
        if tag == "two:n0":
            raise ValueError("no")
        return tag

    probe.does = fails
    start(sheet)
    inbox.run_all()
    assert (cell(sheet).status, data(sheet)) == ("failed", {"name": "n0", "x": "one:n0"})


@pytest.mark.rule("T19")
def test_an_output_that_does_not_fit_is_left_to_the_end(inbox: Inbox, probe: Probe) -> None:
    sheet = sheet_make()
    sheet.column("name")
    blocks = chain(probing("one", "text"), probing("two", "more"))
    sheet.group("A", blocks, outputs={"x": "blocks.one", "z": "blocks.one"}, types={"x": "number"})
    sheet.fill([{"name": "n0"}])
    start(sheet)
    inbox.run_all()
    assert cell(sheet).error["code"] == "output_invalid"
    assert Row.objects.get().data == {"name": "n0", "z": "text"}


@pytest.mark.rule("T19", "W33")
def test_text_appears_while_a_block_is_writing_it(inbox: Inbox, probe: Probe) -> None:
    sheet = steps_table({"x": "blocks.one", "y": "blocks.one.text", "n": "result"}, "one")
    heard = threading.Event()

    def speaks(tag: str, context: BlockContext) -> str:
        context.chunk("Once upon ")
        context.chunk("a time")
        told_until(sheet, "Once upon a time")
        heard.set()
        return tag

    probe.does = speaks
    start(sheet)
    inbox.run_all()
    assert heard.is_set()
    partial = [e for e in told(sheet) if "partial" in e]
    assert partial[-1]["partial"] == {"x": "Once upon a time", "y": "Once upon a time"}
    assert {e["status"] for e in partial} == {"running"}
    assert {e["execution_id"] for e in partial} == {str(cell(sheet).execution_id)}
    (last,) = [e for e in told(sheet) if e["status"] == "completed"]
    assert max(e["version"] for e in partial) < last["version"]
    assert "partial" not in last
    assert data(sheet)["x"] == "one:n0"


@pytest.mark.rule("W33")
def test_text_of_another_try_does_not_follow_on_the_first(inbox: Inbox, probe: Probe) -> None:
    retry = {"max_attempts": 2, "delay_seconds": 0, "retry_on": ["internal"]}
    sheet = steps_table({"x": "blocks.one"}, "one", retry=retry)

    def speaks(tag: str, context: BlockContext) -> str:
        context.chunk(f"try {context.attempt}")
        told_until(sheet, f'"partial":{{"x":"try {context.attempt}"}}')
        if context.attempt == 1:
            raise ValueError("again")
        return tag

    probe.does = speaks
    start(sheet)
    inbox.run_all()
    assert cell(sheet).status == "completed"


@pytest.mark.rule("W6")
def test_text_under_way_shows_no_secret_nor_the_beginning_of_one() -> None:
    secrets = ["sesame-1234"]
    whole = "say sesame-1234 and the door opens, " * 3
    for length in range(len(whole)):
        said = shown(whole[:length], secrets)
        assert "sesa" not in said
    assert len(shown("x" * 10_000, [])) == SHOWN_CHARS
