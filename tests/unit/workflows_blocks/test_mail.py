"""The email block: what is sent, what cannot be smuggled in, and what a refusal means (W15, W16)."""

import smtplib
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from pytest_django import Settings

from tests.unit.workflows_blocks.conftest import run
from workflows.blocks.base import BlockFailed
from workflows.blocks.registry import block_types
from workflows.engine.types import BlockError, Effect, ErrorClass

LETTER: dict[str, Any] = {"to": ["ada@example.org"], "subject": "Ready", "body": "It is."}


def failed(config: dict[str, Any]) -> BlockError:
    with pytest.raises(BlockFailed) as raised:
        run("email", config)
    return raised.value.error


@pytest.mark.rule("W15")
def test_a_mail_is_unsafe_and_never_sent_again_by_itself() -> None:
    email = block_types()["email"]
    assert email.effect(LETTER) is Effect.UNSAFE
    assert email.retry_of(LETTER) is None


def test_a_mail_has_what_was_asked(settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "Runsheet <sheets@example.org>"
    config = {
        **LETTER,
        "to": "ada@example.org, lin@example.org",
        "cc": ["g@example.org"],
        "html": "<b>It is.</b>",
    }
    output = run("email", config).output
    assert output == {"message_id": "<key-1@example.org>", "accepted": True}
    (sent,) = mail.outbox
    assert (sent.to, sent.cc, sent.subject, sent.body) == (
        ["ada@example.org", "lin@example.org"], ["g@example.org"], "Ready", "It is.",
    )  # fmt: skip
    written = sent.message()
    assert (written["Message-ID"], written["From"]) == (
        "<key-1@example.org>",
        "Runsheet <sheets@example.org>",
    )
    assert [part.get_content_type() for part in written.walk()][1:] == ["text/plain", "text/html"]


@pytest.mark.rule("W15")
def test_every_try_of_a_mail_has_one_message_id() -> None:
    assert run("email", LETTER).output == run("email", LETTER).output


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"subject": "Ready\r\nBcc: all@example.org"}, "one line"),
        ({"subject": "Ready\0"}, "one line"),
        ({"to": ["ada@example.org\r\nBcc: all@example.org"]}, "no e-mail address"),
        ({"to": ["Ada <ada@example.org>"]}, "no e-mail address"),
        ({"cc": ["x"]}, "no e-mail address"),
        ({"to": []}, "at least 1"),
        ({"to": None}, "at least 1"),
        ({"to": ["a@example.org"] * 51}, "at most 50"),
        ({"body": "x" * 500_001}, "at most 500000"),
    ],
)
def test_a_mail_that_would_be_another_is_refused(change: dict[str, Any], words: str) -> None:
    assert words in failed({**LETTER, **change}).message
    assert mail.outbox == []


class Refusing(BaseEmailBackend):
    """A server that answers every mail with ``refusal``; None takes nothing and says nothing."""

    refusal: Exception | None = None

    def send_messages(self, email_messages: Any) -> int:
        if self.refusal is not None:
            raise self.refusal
        return 0


@pytest.mark.rule("W16")
@pytest.mark.parametrize(
    ("refusal", "error_class", "code"),
    [
        (smtplib.SMTPRecipientsRefused({"a": (550, b"no")}), ErrorClass.VALIDATION, "recipients_refused"),
        (smtplib.SMTPRecipientsRefused({"a": (450, b"later")}), ErrorClass.UPSTREAM, "recipients_refused"),
        (smtplib.SMTPDataError(554, b"spam"), ErrorClass.VALIDATION, "mail_refused"),
        (smtplib.SMTPSenderRefused(451, b"busy", "x"), ErrorClass.UPSTREAM, "mail_refused"),
        (smtplib.SMTPServerDisconnected("gone"), ErrorClass.UPSTREAM, "unreachable"),
        (ConnectionRefusedError("refused"), ErrorClass.UPSTREAM, "unreachable"),
        (TimeoutError(), ErrorClass.TIMEOUT, "timeout"),
        (None, ErrorClass.UPSTREAM, "mail_not_taken"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_a_refusal_says_whether_another_try_may_help(
    monkeypatch: pytest.MonkeyPatch, refusal: Exception | None, error_class: ErrorClass, code: str
) -> None:
    monkeypatch.setattr("workflows.blocks.mail.get_connection", lambda **options: refusing(refusal))
    error = failed(LETTER)
    assert (error.error_class, error.code) == (error_class, code)


def refusing(refusal: Exception | None) -> Refusing:
    backend = Refusing()
    backend.refusal = refusal
    return backend


def test_a_real_server_that_nobody_runs_is_the_upstreams_fault(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    assert failed(LETTER).code == "unreachable"
