"""What goes wrong with one cell says so there, and the cascade of the others goes on (T5, T15, T20, T22, F21, F23)."""

from __future__ import annotations

from typing import Any

import pytest

from tables.models import Dispatch, RowExecution
from tables.services.dispatches import dispatch_start
from tables.states import Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import (
    Sheet,
    chain,
    greeting_chain,
    probing,
    probing_chain,
    probing_table,
    setting,
    sheet_make,
)
from tests.bed.running import Inbox, Probe
from workflows.models import Attempt, Run
from workflows.services.versions import compiled_version
from workspaces.services.secrets import secret_set

pytestmark = pytest.mark.usefixtures("worker")


def run(sheet: Sheet, inbox: Inbox, **options: Any) -> Dispatch:
    """A dispatch from request to end, its account checked."""
    outcome = dispatch_start(table=sheet.table, **{"mode": Mode.ALL, **options})
    assert outcome.dispatch is not None
    inbox.run_all()
    found = check_account(outcome.dispatch.id)
    check_quiet()
    return found


def one_cell(definition: dict[str, Any], *, type_: str = "text", **group: Any) -> Sheet:
    """One row, one group A filling ``a``, and a group Z that depends on nothing."""
    sheet = sheet_make()
    sheet.column("name")
    sheet.group("A", definition, outputs={"a": "result"}, types={"a": type_}, **group)
    sheet.group("Z", chain(setting("z", "fine")), outputs={"z": "result.value"})
    sheet.fill([{"name": "Ada"}])
    return sheet


SAY = chain({"key": "say", "type": "set", "config": {"fields": {"x": "{{ row.name }}"}}})

FAULTS: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    ("its output does not fit the column", SAY, {"type_": "number"}, "output_invalid", "“A”"),
    ("its condition errs", SAY, {"condition": "row.no.such"}, "condition_error", "such"),
    ("an input errs", SAY, {"inputs": {"x": {"expression": "{{ row.no }}"}}}, "input_error", "no"),
    ("its ref points nowhere", SAY, {"ref": "gone"}, "ref_not_found", "gone"),
    (
        "a required input is missing",
        {
            "blocks": [
                {
                    "key": "start",
                    "type": "start",
                    "config": {"inputs": {"n": {"type": "number", "required": True}}},
                }
            ],
            "edges": [],
        },
        {},
        "input_invalid",
        "n",
    ),
    (
        "its block fails on purpose",
        chain({"key": "no", "type": "fail", "config": {"message": "no"}}),
        {},
        "failed_on_purpose",
        "no",
    ),
    ("a template reads what is not there", chain(setting("x", "{{ row.name.first }}")), {}, "", "first"),
]


@pytest.mark.rule("T15", "W5")
@pytest.mark.parametrize(
    ("definition", "group", "code", "words"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS]
)
def test_a_cell_fails_with_a_clear_code_and_the_row_goes_on(
    definition: dict[str, Any], group: dict[str, Any], code: str, words: str, inbox: Inbox
) -> None:
    sheet = one_cell(definition, **group)
    dispatch = run(sheet, inbox)
    cell = sheet.cells()[sheet.rows[0], "A"]
    assert cell.status == "failed"
    assert cell.error["code"] == code or (not code and cell.error["code"])
    assert words in cell.error["message"]
    assert (sheet.values("a"), sheet.values("z")) == ([None], ["fine"])
    assert (dispatch.completed, dispatch.failed) == (1, 1)


@pytest.mark.rule("T15")
def test_a_result_that_does_not_fit_fails_the_run_as_well_as_the_cell(inbox: Inbox) -> None:
    sheet = one_cell(SAY, type_="number")
    run(sheet, inbox)
    failed = Run.objects.get(status="failed")
    assert failed.error is not None
    assert failed.error["code"] == "output_invalid"


@pytest.mark.rule("T15", "F21")
@pytest.mark.parametrize(
    ("length", "code"), [(300 * 1024, "output_too_large"), (2**20 + 1, "output_too_large")]
)
def test_an_output_that_is_too_large_fails_its_cell(
    length: int, code: str, inbox: Inbox, probe: Probe
) -> None:
    probe.does = lambda _tag, _context: "x" * length
    sheet = probing_table(1)
    run(sheet, inbox)
    assert RowExecution.objects.get().error["code"] == code


NASTY = ["\0", "\ud800", float("nan"), 10**400, {"a": float("inf")}, object(), [[]] * 3]


@pytest.mark.rule("F23")
@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_what_postgresql_cannot_hold_is_mended_or_fails_its_own_cell(
    value: Any, inbox: Inbox, probe: Probe
) -> None:
    probe.does = lambda tag, _context: value if tag == "n1" else tag
    sheet = probing_table(3)
    dispatch = run(sheet, inbox)
    assert dispatch.completed >= 2
    assert (sheet.values("a")[0], sheet.values("a")[2]) == ("n0", "n2")


@pytest.mark.rule("F23")
def test_an_error_in_unstorable_words_is_stored_mended(inbox: Inbox, probe: Probe) -> None:
    def fail(tag: str, _context: object) -> str:
        if tag == "n1":
            raise ValueError("\0 \ud800")
        return tag

    probe.does = fail
    sheet = probing_table(3)
    dispatch = run(sheet, inbox)
    assert (dispatch.completed, dispatch.failed) == (2, 1)
    assert "\N{REPLACEMENT CHARACTER}" in sheet.cells()[sheet.rows[1], "A"].error["message"]


@pytest.mark.rule("F23")
def test_an_input_in_unstorable_words_harms_nobody(inbox: Inbox) -> None:
    sheet = one_cell(chain(setting("x", "{{ '\\u0000' }}")), inputs={"x": {"expression": "{{ '\\u0000' }}"}})
    dispatch = run(sheet, inbox)
    assert dispatch.completed >= 1
    assert sheet.values("z") == ["fine"]


@pytest.mark.rule("T15")
def test_what_depends_on_a_failed_cell_does_not_run_and_says_why(inbox: Inbox, probe: Probe) -> None:
    probe.does = lambda tag, _context: 1 / 0 if tag == "A:n0" else tag
    sheet = probing_chain(2)
    dispatch = run(sheet, inbox)
    assert probe.counts() == {"A:n0": 1, "A:n1": 1, "B:n1": 1}
    assert (dispatch.completed, dispatch.failed, dispatch.skipped) == (2, 1, {"deps_unmet": 1})


@pytest.mark.rule("T22")
def test_a_result_with_nothing_in_it_is_completed_and_not_failed(inbox: Inbox, probe: Probe) -> None:
    probe.does = lambda _tag, _context: None
    sheet = probing_chain(1)
    dispatch = run(sheet, inbox)
    assert sheet.cells()[sheet.rows[0], "A"].status == "completed"
    assert (dispatch.completed, dispatch.skipped) == (1, {"deps_unmet": 1})


@pytest.mark.rule("T20")
def test_an_output_starts_no_dispatch_and_carries_on_to_its_dependants(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_chain(1, auto_run=True)
    run(sheet, inbox, groups=[sheet.groups["A"].id])
    assert probe.counts() == {"A:n0": 1, "B:n0": 1}
    assert Dispatch.objects.count() == 1
    run(sheet, inbox, groups=[sheet.groups["A"].id])
    assert probe.counts() == {"A:n0": 2, "B:n0": 2}


@pytest.mark.rule("T30")
@pytest.mark.parametrize(
    ("mode", "value", "edited"), [(Mode.INCOMPLETE, "typed", ["a"]), (Mode.ALL, "n0", [])]
)
def test_a_typed_value_survives_every_mode_but_all(
    mode: Mode, value: str, edited: list[str], inbox: Inbox, probe: Probe
) -> None:
    sheet = probing_table(1)
    sheet.table.rows.update(data={"name": "n0", "a": "typed"}, edited=["a"])
    run(sheet, inbox, mode=mode)
    row = sheet.table.rows.get()
    assert (row.data["a"], row.edited) == (value, edited)


@pytest.mark.rule("T15")
def test_a_failed_rerun_leaves_the_last_good_value(inbox: Inbox, probe: Probe) -> None:
    sheet = probing_table(1)
    run(sheet, inbox)
    probe.does = lambda _tag, _context: 1 / 0
    run(sheet, inbox)
    assert sheet.values("a") == ["n0"]
    assert RowExecution.objects.get().status == "failed"


@pytest.mark.rule("T5")
def test_a_group_added_while_the_row_runs_is_not_in_the_request_and_harms_nobody(
    inbox: Inbox, probe: Probe
) -> None:
    sheet = probing_table(1)

    def add(tag: str, _context: object) -> str:
        sheet.group("N", SAY, outputs={"n": "result.x"}, depends_on=["a"])
        return tag

    probe.does = add
    assert run(sheet, inbox).completed == 1
    assert sheet.values("n") == [None]


@pytest.mark.rule("W6", "T18")
def test_a_secret_that_a_provider_echoes_is_redacted_in_the_value_too(inbox: Inbox, probe: Probe) -> None:
    sheet = sheet_make()
    from workspaces.actors import Actor

    secret_set(workspace=sheet.workspace, name="TOKEN", value="canary-4711", actor=Actor.system("test"))
    sheet.column("name")
    echo = {
        "key": "ask",
        "type": "http",
        "config": {"url": "http://127.0.0.1:1/", "headers": {"X": "{{ secrets.TOKEN }}"}},
    }
    call = probing("call", "x")
    sheet.group("A", chain(call, {**echo, "enabled": True}), outputs={"a": "blocks.call"}, timeout_seconds=20)
    sheet.fill([{"name": "Ada"}])
    probe.does = lambda _tag, _context: "you sent canary-4711"
    outcome = dispatch_start(table=sheet.table, mode=Mode.ALL)
    assert outcome.dispatch is not None
    inbox.run_all()
    stored = [*Run.objects.values_list("result", "error"), *Attempt.objects.values_list("input", "error")]
    assert "canary-4711" not in str([stored, list(sheet.table.rows.values_list("data"))])


@pytest.mark.rule("W2", "T15")
def test_each_step_uses_the_version_its_groups_ref_points_at(inbox: Inbox) -> None:
    compiled_version.cache_clear()
    sheet = greeting_chain(1)
    run(sheet, inbox)
    assert Run.objects.values("version").distinct().count() == 3
