"""Answer links: no account, no guessing, looking decides nothing, deciding happens once (trust.md 21)."""

from __future__ import annotations

import io
import logging
from typing import Any
from urllib.parse import urlencode

import pytest
import structlog
from django.conf import settings
from django.test import Client

from config.logs import links_hide
from tests.integration.workflows.asking import APPROVAL, asked, parked, status_of
from tests.integration.workflows.people import greeting, workspace_of
from workflows.api.answer_access import VISITS
from workflows.models import PausePoint, Workflow
from workflows.services.pauses import pauses_die
from workflows.states import PauseStatus
from workspaces.models import AuditEvent

pytestmark = [pytest.mark.django_db, pytest.mark.rule("S21")]

TOKEN = "t0ken-of-the-link"
LINK = f"/api/v1/answer/{TOKEN}/"
PAGE = {"Accept": "text/html,application/xhtml+xml"}
FORM = {
    "decision": "approve",
    "field.amount": "12.5",
    "field.team": "red",
    "comment": "a\r\nb",
    "name": " Ada  L. ",
}


@pytest.fixture(autouse=True)
def fresh_visits() -> None:
    VISITS._paid_at.clear()


@pytest.fixture
def pause(workflow: Workflow) -> PausePoint:
    return asked(parked(workflow), token=TOKEN, expires_in=3_600)


@pytest.fixture
def visitor() -> Client:
    """Somebody without an account, whose browser would be refused where a CSRF token is needed."""
    return Client(enforce_csrf_checks=True)


def post_form(visitor: Client, form: dict[str, str], link: str = LINK) -> Any:
    kind = "application/x-www-form-urlencoded"
    return visitor.post(link, urlencode(form), content_type=kind, headers=PAGE)


def post_json(visitor: Client, data: Any) -> Any:
    return visitor.post(LINK, data, content_type="application/json")


@pytest.mark.parametrize("headers", [PAGE, {}], ids=["page", "json"])
@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_ten_times_decides_nothing(
    visitor: Client, pause: PausePoint, headers: dict[str, str], method: str
) -> None:
    for _ in range(10):
        assert getattr(visitor, method)(LINK + "?decision=approve", headers=headers).status_code == 200
    assert status_of(pause) == PauseStatus.OPEN
    assert not AuditEvent.objects.filter(action="pause.answered").exists()


@pytest.mark.parametrize("method", ["options", "put", "patch", "delete"])
def test_nothing_but_a_post_decides(visitor: Client, pause: PausePoint, method: str) -> None:
    sent = getattr(visitor, method)(LINK, {"decision": "approve"}, content_type="application/json")
    assert (sent.status_code, status_of(pause)) == (405, PauseStatus.OPEN)


def test_a_program_sees_the_question_and_decides_once(visitor: Client, pause: PausePoint) -> None:
    seen = visitor.get(LINK)
    assert seen["Content-Type"] == "application/json"
    assert (seen.json()["message"], seen.json()["status"]) == ("Order five?", "open")
    assert [field["name"] for field in seen.json()["fields"]] == ["amount", "team", "urgent"]
    assert str(pause.pk) not in seen.content.decode()
    decided = post_json(visitor, {**APPROVAL, "name": "Ada"})
    assert (decided.status_code, decided.json()["answer"]["decision"]) == (200, "approve")
    second = post_json(visitor, {"decision": "reject"})
    assert (second.status_code, second.json()["code"]) == (409, "already_answered")
    assert second.json()["answer"]["decision"] == "approve"
    assert visitor.get(LINK).json()["status"] == "answered"
    pause.refresh_from_db()
    assert (pause.answer, pause.answered_by) == (APPROVAL, {"link": True, "name": "Ada"})
    assert AuditEvent.objects.get(action="pause.answered").actor_label == "answer link (Ada)"


@pytest.mark.rule("W20")
def test_a_person_fills_in_the_page(visitor: Client, pause: PausePoint) -> None:
    page = visitor.get(LINK, headers=PAGE).content.decode()
    assert "Order five?" in page
    assert "How much?" in page
    wrong = post_form(visitor, {**FORM, "field.amount": "a lot"})
    assert wrong.status_code == 400
    assert "This field takes a number." in wrong.content.decode()
    assert 'value="a lot"' in wrong.content.decode()
    assert status_of(pause) == PauseStatus.OPEN
    done = post_form(visitor, FORM)
    assert (done.status_code, done["Location"]) == (303, LINK)
    pause.refresh_from_db()
    assert pause.answer == {
        "decision": "approve",
        "fields": {"amount": 12.5, "team": "red", "urgent": False},
        "comment": "a\nb",
    }
    assert pause.answered_by == {"link": True, "name": "Ada L."}
    after = visitor.get(LINK, headers=PAGE).content.decode()
    assert "Approved" in after
    assert "Ada L." in after
    again = post_form(visitor, {"decision": "reject"})
    assert again.status_code == 409
    assert "Your answer was not taken" in again.content.decode()
    assert "Approved" in again.content.decode()


@pytest.mark.parametrize("over", ["expired", "ended"])
def test_what_is_over_says_so(visitor: Client, pause: PausePoint, over: str) -> None:
    if over == "ended":
        pauses_die([pause.run_id])
    else:
        PausePoint.objects.filter(pk=pause.pk).update(wake_at=pause.created_at)
    assert visitor.get(LINK).status_code == 410
    assert post_json(visitor, APPROVAL).json()["code"] == "question_over"
    page = post_form(visitor, FORM)
    assert (page.status_code, over in page.content.decode()) == (410, True)
    assert status_of(pause) != PauseStatus.ANSWERED


def test_a_token_opens_its_own_question_and_no_other(visitor: Client, pause: PausePoint) -> None:
    other = asked(parked(greeting(workspace_of("oscar"))), token="another")
    for token in (TOKEN[:-1], TOKEN.upper(), str(pause.pk), str(pause.token_hash), "%00", "x" * 5_000):
        link = f"/api/v1/answer/{token}/"
        assert visitor.get(link).status_code == 404
        assert visitor.post(link, APPROVAL, content_type="application/json").status_code == 404
        assert post_form(visitor, FORM, link).status_code == 404
    foreign = f"/api/v1/runs/{other.run_id}/pauses/{pause.pk}/answer/"
    assert visitor.post(foreign, APPROVAL, content_type="application/json").status_code == 401
    visitor.post("/api/v1/answer/another/", APPROVAL, content_type="application/json")
    assert (status_of(pause), status_of(other)) == (PauseStatus.OPEN, PauseStatus.ANSWERED)


@pytest.mark.parametrize("headers", [PAGE, {}], ids=["page", "json"])
@pytest.mark.parametrize("link", [LINK, "/api/v1/answer/unknown/"])
def test_the_address_is_kept_secret(
    visitor: Client, pause: PausePoint, headers: dict[str, str], link: str
) -> None:
    seen = visitor.get(link, headers=headers)
    assert seen["Referrer-Policy"] == "no-referrer"
    assert seen["Cache-Control"] == "no-store"
    assert "script-src 'self'" in seen["Content-Security-Policy"]
    assert "unsafe" not in seen["Content-Security-Policy"]
    assert TOKEN not in seen.content.decode()
    assert " style=" not in seen.content.decode()


def test_no_log_line_holds_a_link() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[links_hide],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    log = logging.getLogger("tests.answer_link")
    log.propagate = False
    log.addHandler(handler)
    log.warning("Not Found: %s", LINK)
    assert "/answer/…/" in stream.getvalue().encode().decode("unicode_escape")
    assert TOKEN not in stream.getvalue()
    assert TOKEN not in str(links_hide(None, "info", {"event": "request_finished", "request": f"GET {LINK}"}))
    assert "config.logs" in settings.LOGGING_CONFIG


@pytest.mark.rule("S18")
def test_guessing_is_throttled(visitor: Client, pause: PausePoint, settings: Any) -> None:
    settings.RUNSHEET_MAX_API_CALLS_PER_MINUTE = 3
    answers = [visitor.get(f"/api/v1/answer/guess{n}/", headers=PAGE) for n in range(4)]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 429]
    assert int(answers[-1]["Retry-After"]) > 0
    assert post_json(visitor, APPROVAL).status_code == 429
    assert status_of(pause) == PauseStatus.OPEN


@pytest.mark.rule("S15")
def test_what_people_type_stays_text(visitor: Client, workflow: Workflow) -> None:
    evil = "<script>alert(1)</script>"
    request = {"message": evil, "fields": [{"name": "a", "label": evil, "type": "select", "options": [evil]}]}
    asked(parked(workflow), token=TOKEN, request=request)
    page = visitor.get(LINK, headers=PAGE).content.decode()
    wrong = post_form(visitor, {"field.a": evil + "x", "decision": evil, "name": evil})
    assert wrong.status_code == 400
    post_form(visitor, {"decision": "reject", "name": evil, "comment": evil})
    decided = visitor.get(LINK, headers=PAGE).content.decode()
    for shown in (page, wrong.content.decode(), decided):
        assert evil not in shown
        assert "&lt;script&gt;" in shown


@pytest.mark.parametrize(
    ("form", "place"),
    [
        ({**FORM, "field.amount": "nan"}, "This field takes a number."),
        ({**FORM, "field.amount": "9" * 5_000}, "This field takes a number."),
        ({**FORM, "field.team": "green"}, "Choose one of: red, blue."),
        ({**FORM, "field.amount": " "}, "This field is required."),
        ({**FORM, "comment": "a\x00b"}, "cannot be stored"),
        ({**FORM, "comment": "x" * 5_001}, "At most 5,000 characters"),
        ({"field.amount": "1"}, "Decide by one of"),
    ],
    ids=range(7),
)
def test_what_cannot_be_taken_is_said_beside_its_field(
    visitor: Client, pause: PausePoint, form: dict[str, str], place: str
) -> None:
    answer = post_form(visitor, form)
    assert (answer.status_code, place in answer.content.decode()) == (400, True)
    assert status_of(pause) == PauseStatus.OPEN


def test_a_form_has_its_limit(visitor: Client, pause: PausePoint, settings: Any) -> None:
    settings.RUNSHEET_MAX_JSON_BYTES = 200
    body = "decision=reject&comment=" + "x" * 300
    answer = visitor.post(LINK, body, content_type="application/x-www-form-urlencoded", headers=PAGE)
    assert (answer.status_code, status_of(pause)) == (413, PauseStatus.OPEN)
