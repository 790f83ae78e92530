"""Sending mail over the install's mail server, and what its refusals mean for a block (W16)."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from typing import Annotated, Final

from django.core.exceptions import ValidationError
from django.core.mail import BadHeaderError, EmailMessage, get_connection
from django.core.validators import validate_email
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from workflows.blocks.base import BlockContext, BlockFailed
from workflows.engine.types import ErrorClass

MOST_RECIPIENTS: Final = 50
_MOST_SECONDS: Final = 10.0
"""Patience with a mail server between two of its answers."""


def _is_address(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError:
        raise ValueError("this is no e-mail address") from None
    return text


def _one_line(text: str) -> str:
    if any(ord(character) < 32 for character in text):
        raise ValueError("a header of a mail is one line without control characters")
    return text


def _listed(given: object) -> object:
    """``a@x.org, b@x.org`` as a list; null as none."""
    if isinstance(given, str):
        return [part.strip() for part in given.split(",") if part.strip()]
    return [] if given is None else given


Address = Annotated[str, AfterValidator(_is_address)]
Addresses = Annotated[list[Address], BeforeValidator(_listed), Field(max_length=MOST_RECIPIENTS)]
"""A list of plain addresses, or one text with commas between them."""

HeaderText = Annotated[str, StringConstraints(max_length=500), AfterValidator(_one_line)]


def send_mails(context: BlockContext, messages: Sequence[EmailMessage]) -> int:
    """Hand ``messages`` to the mail server over one connection; how many it took.

    Raises ``BlockFailed``: ``upstream`` or ``timeout`` when another try may help, ``validation`` when not. Messages
    before the one that failed have gone out.
    """
    left = context.remaining_seconds()
    seconds = _MOST_SECONDS if left is None else max(0.1, min(left, _MOST_SECONDS))
    try:
        return get_connection(timeout=seconds).send_messages(list(messages)) or 0
    except TimeoutError:
        raise _failed(ErrorClass.TIMEOUT, "timeout", "The mail server took too long.") from None
    except smtplib.SMTPRecipientsRefused as error:
        permanent = all(code >= 500 for code, _ in error.recipients.values())
        error_class = ErrorClass.VALIDATION if permanent else ErrorClass.UPSTREAM
        raise _failed(error_class, "recipients_refused", "The mail server refused every recipient.") from None
    except smtplib.SMTPResponseException as error:
        error_class = ErrorClass.VALIDATION if error.smtp_code >= 500 else ErrorClass.UPSTREAM
        message = f"The mail server refused the mail with {error.smtp_code}."
        raise _failed(error_class, "mail_refused", message) from None
    except BadHeaderError:
        raise _failed(ErrorClass.VALIDATION, "bad_header", "A header of the mail is not one line.") from None
    except (smtplib.SMTPException, OSError) as error:
        message = f"The mail server cannot be reached: {error}"
        raise _failed(ErrorClass.UPSTREAM, "unreachable", message) from None


def _failed(error_class: ErrorClass, code: str, message: str) -> BlockFailed:
    return BlockFailed.because(error_class, code, message)
