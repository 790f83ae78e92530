"""Blocks that wait for a time or a person, and the note, which waits for nothing (W19, W20)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from pytest_django import Settings

from tests.unit.workflows_blocks.conftest import context, run, wake_block
from workflows.blocks.base import Answer, BlockFailed, BlockPause
from workflows.blocks.registry import block_types
from workflows.engine.types import BlockError, ErrorClass
from workflows.engine.validation import check_definition
from workflows.engine.version import compile_version
from workflows.states import PauseKind

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ADA = {"kind": "user", "name": "Ada"}
FIELDS = [{"name": "budget", "type": "select", "options": ["tools", "travel"], "required": True}]
ASKING: dict[str, Any] = {
    "message": "Order?\nFive seats.",
    "fields": FIELDS,
    "assignees": ["ada@example.org"],
}


def failed(type_name: str, config: dict[str, Any]) -> BlockError:
    with pytest.raises(BlockFailed) as raised:
        run(type_name, config)
    return raised.value.error


def faults(type_name: str, config: dict[str, Any]) -> list[tuple[str | None, str]]:
    block = {"key": "b", "type": type_name, "config": config}
    found = check_definition({"blocks": [block], "edges": []}, block_types()).faults
    return [(fault.field, fault.message) for fault in found]


# ---- wait ----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("W19")
@pytest.mark.parametrize(
    ("config", "until"),
    [
        ({"seconds": 90}, NOON + timedelta(seconds=90)),
        ({"seconds": 366 * 86_400}, NOON + timedelta(days=366)),
        ({"until": "2026-11-21T14:00:00+01:00"}, NOON + timedelta(hours=1)),
        ({"until": "2026-11-21T12:00:01Z"}, NOON + timedelta(seconds=1)),
    ],
)
def test_a_wait_parks_until_its_moment(config: dict[str, Any], until: datetime) -> None:
    with time_machine.travel(NOON, tick=False):
        pause = run("wait", config)
    assert (pause.kind, pause.until, pause.token) == (PauseKind.TIMER, until, None)
    late = until + timedelta(seconds=3)
    woken = wake_block(
        block_types()["wait"], config, Answer(True, None, None, late, pause.request), context()
    )
    assert woken.output == {"waited_until": until.isoformat(), "woken_at": late.isoformat()}


@pytest.mark.rule("W19")
@pytest.mark.parametrize(
    "config", [{"seconds": 0}, {"until": "2026-11-21T12:00:00Z"}, {"until": "1970-01-01T00:00Z"}]
)
def test_a_moment_that_has_passed_is_not_waited_for(config: dict[str, Any]) -> None:
    with time_machine.travel(NOON, tick=False):
        assert run("wait", config).output["woken_at"] == NOON.isoformat()


@pytest.mark.rule("W19")
@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "either seconds or until"),
        ({"seconds": 5, "until": "2026-11-21T12:00:00Z"}, "either seconds or until"),
        ({"seconds": -1}, "greater than or equal to 0"),
        ({"seconds": 366 * 86_400 + 1}, "less than or equal to"),
        ({"seconds": float("nan")}, "finite"),
        ({"until": "2026-11-21T12:00:00"}, "which time zone"),
        ({"until": "tomorrow"}, "such as 2026-11-21"),
        ({"until": "0001-01-01T00:00:00+01:00"}, "outside the calendar"),
    ],
)
def test_a_wait_that_makes_no_sense_is_found_when_it_is_saved(config: dict[str, Any], words: str) -> None:
    ((_, message),) = faults("wait", config)
    assert words in message


@pytest.mark.rule("W19")
def test_a_wait_that_is_computed_is_checked_when_it_runs() -> None:
    assert faults("wait", {"until": "{{ input.at }}"}) == []
    assert failed("wait", {"until": f"{datetime.now(UTC).year + 3}-01-01T00:00:00Z"}).code == "wait_too_long"


# ---- approval ------------------------------------------------------------------------------------------------------


def asked(config: dict[str, Any]) -> BlockPause:
    with time_machine.travel(NOON, tick=False):
        pause = run("approval", config)
    assert isinstance(pause, BlockPause)
    return pause


def answered(config: dict[str, Any], data: Any, *, expired: bool = False) -> Any:
    answer = Answer(expired, data, None if expired else ADA, NOON, asked(config).request)
    return wake_block(block_types()["approval"], config, answer, context())


@pytest.mark.rule("W19", "W20")
def test_an_approval_asks_with_a_form_and_a_fresh_token(settings: Settings) -> None:
    settings.RUNSHEET_PUBLIC_URL = "https://sheets.example.org"
    first, second = asked({**ASKING, "expires_after_seconds": 60}), asked(ASKING)
    assert (first.kind, first.until, second.until) == (PauseKind.APPROVAL, NOON + timedelta(seconds=60), None)
    assert first.request["message"] == ASKING["message"]
    assert first.request["fields"][0]["options"] == ["tools", "travel"]
    assert first.token != second.token
    assert len(str(first.token)) == 43  # 256 bits
    assert str(first.token) not in repr(first)
    assert str(first.token) not in str(first.request)
    told = mail.outbox[0]
    assert (told.to, told.subject) == (["ada@example.org"], "Approval: Order? Five seats.")
    assert f"https://sheets.example.org/api/v1/answer/{first.token}/" in told.body
    assert "open until 2026-11-21 12:01 UTC" in told.body


@pytest.mark.rule("W19")
@pytest.mark.parametrize("change", [{"notify": False}, {"assignees": []}])
def test_nobody_is_told_when_nobody_is_to_be(change: dict[str, Any]) -> None:
    assert asked({**ASKING, **change}).token
    assert mail.outbox == []


@pytest.mark.rule("W20")
def test_each_assignee_gets_a_mail_of_their_own() -> None:
    asked({**ASKING, "assignees": "ada@example.org, lin@example.org"})
    assert [message.to for message in mail.outbox] == [["ada@example.org"], ["lin@example.org"]]


@pytest.mark.rule("W20")
def test_when_nobody_can_be_told_nothing_is_asked(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    error = failed("approval", ASKING)
    assert (error.error_class, error.code) == (ErrorClass.UPSTREAM, "unreachable")


@pytest.mark.rule("W20")
@pytest.mark.parametrize(
    ("data", "handle", "output"),
    [
        ({"decision": "approve", "fields": {"budget": "tools"}, "comment": "go"}, "approved",
         {"approved": True, "fields": {"budget": "tools"}, "comment": "go"}),
        ({"decision": "reject"}, "rejected", {"approved": False, "fields": {"budget": None}, "comment": None}),
    ],
)  # fmt: skip
def test_an_answer_decides_the_way(data: dict[str, Any], handle: str, output: dict[str, Any]) -> None:
    result = answered(ASKING, data)
    assert result.handle == handle
    assert result.output == {
        "decision": data["decision"], "by": ADA, "at": NOON.isoformat(), "expired": False, **output,
    }  # fmt: skip


@pytest.mark.rule("W20")
@pytest.mark.parametrize("data", [None, {}, {"decision": "approve"}, {"decision": "yes"}, {"approved": True}])
def test_nothing_is_approved_by_accident(data: Any) -> None:
    with pytest.raises(BlockFailed) as raised:
        answered(ASKING, data)
    assert raised.value.error.code == "answer_invalid"


@pytest.mark.rule("W19")
@pytest.mark.parametrize("on_expiry", ["fail", "error"])
def test_an_expired_question_fails_and_is_not_asked_again(on_expiry: str) -> None:
    with pytest.raises(BlockFailed) as raised:
        answered({**ASKING, "on_expiry": on_expiry}, None, expired=True)
    error = raised.value.error
    assert (error.error_class, error.code) == (ErrorClass.TIMEOUT, "approval_expired")
    assert ErrorClass.TIMEOUT not in block_types()["approval"].retry_of({}).retry_on


@pytest.mark.rule("W19")
def test_an_expired_question_may_be_answered_by_default() -> None:
    default = {"decision": "reject", "fields": {"budget": "travel"}}
    result = answered({**ASKING, "on_expiry": "default", "default": default}, None, expired=True)
    assert result.handle == "rejected"
    assert result.output == {
        "decision": "reject", "approved": False, "fields": {"budget": "travel"}, "comment": None,
        "by": None, "at": NOON.isoformat(), "expired": True,
    }  # fmt: skip


@pytest.mark.rule("W1", "W19")
@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"fields": [*FIELDS, *FIELDS]}, "config.fields", "used twice: budget"),
        ({"fields": [{"name": "a b"}]}, "config.fields.0.name", "pattern"),
        ({"fields": [{"name": "a", "type": "select"}]}, "config.fields.0", "a select needs options"),
        ({"fields": [{"name": "a", "options": ["x"]}]}, "config.fields.0", "a select needs options"),
        ({"fields": [{"name": "a", "type": "number", "default": "1"}]}, "config.fields.0", "default does not fit"),
        ({"on_expiry": "default"}, "config", "give a default answer"),
        ({"default": {"decision": "reject"}}, "config", "give a default answer"),
        ({"on_expiry": "default", "default": {"decision": "approve"}}, "config", "fields.budget"),
        ({"assignees": ["nobody"]}, "config.assignees.0", "no e-mail address"),
        ({"expires_after_seconds": 0}, "config.expires_after_seconds", "greater than or equal to 1"),
    ],
)  # fmt: skip
def test_a_form_that_cannot_be_filled_is_found_when_it_is_saved(
    change: dict[str, Any], field: str, words: str
) -> None:
    ((place, message),) = faults("approval", {**ASKING, **change})
    assert place.startswith(field)
    assert words in message


@pytest.mark.rule("W1")
def test_templates_stand_wherever_an_approval_takes_them() -> None:
    config = {
        "message": "Order {{ input.n }}?",
        "assignees": ["{{ input.a }}"],
        "expires_after_seconds": "{{ input.s }}",
    }
    assert faults("approval", config) == []
    assert faults("approval", {**config, "assignees": "{{ input.a }}"}) == []


# ---- note ----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("W1")
def test_a_note_stands_beside_the_graph() -> None:
    blocks = [
        {"key": "start", "type": "start", "config": {}},
        {"key": "word", "type": "note", "config": {"text": "{{ as it is"}},
        {"key": "end", "type": "respond", "config": {}},
    ]
    edges = [{"from": "start", "to": "end"}, {"from": "word", "to": "end"}]
    checked = check_definition({"blocks": blocks, "edges": edges}, block_types())
    assert checked.faults == ()
    version = compile_version(checked.definition, block_types())
    assert set(version.blocks) == {"start", "end"}
    assert run("note", {"text": "a"}).output is None
