"""`email`: send a mail."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parseaddr
from typing import Annotated, Any, ClassVar, Final

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from pydantic import Field, StringConstraints

from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockFailed, BlockResult, Example
from workflows.blocks.mail import Addresses, HeaderText, send_mails
from workflows.blocks.registry import register
from workflows.engine.fields import Template
from workflows.engine.types import Effect, ErrorClass

MOST_CHARACTERS: Final = 500_000

Text = Annotated[str, StringConstraints(max_length=MOST_CHARACTERS)]


class EmailConfig(BlockConfig):
    """``to`` and ``cc`` are lists of plain addresses, or texts with commas; ``html`` is shown in place of ``body``."""

    to: Annotated[Addresses, Field(min_length=1), Template()]
    cc: Annotated[Addresses, Template()] = []
    subject: Annotated[HeaderText, Template()]
    body: Annotated[Text, Template()] = ""
    html: Annotated[Text | None, Template()] = None


@register
class Email(Block[EmailConfig]):
    """Sends one mail over the install's mail server (``EMAIL_URL``), from ``DEFAULT_FROM_EMAIL``.

    It is never sent again by itself: when a worker is lost while a mail is on its way, a person decides. All of its
    tries carry one ``Message-ID``, by which mail programs show a repeated mail once. What a server takes may still
    come back to the sender; ``accepted`` only says that it took the mail.
    """

    name = "email"
    title = "Send mail"
    config_model = EmailConfig
    effect_class = Effect.UNSAFE
    default_timeout_seconds = 60.0
    output_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {"message_id": {"type": "string"}, "accepted": {"type": "boolean"}},
        "required": ["message_id", "accepted"],
    }
    example = Example(
        config={
            "to": ["{{ input.email }}"],
            "subject": "Your report, {{ input.name }}",
            "body": "Hello {{ input.name }}, it is ready.",
        },
        input={"name": "Ada", "email": "ada@example.org"},
        output={"message_id": "<key-1@localhost>", "accepted": True},
    )

    def run(self, context: BlockContext, config: EmailConfig) -> BlockResult:
        """Write it, and hand it over."""
        message_id = _message_id(context.idempotency_key)
        message = EmailMultiAlternatives(
            config.subject, config.body, to=config.to, cc=config.cc, headers={"Message-ID": message_id}
        )
        if config.html is not None:
            message.attach_alternative(config.html, "text/html")
        if not send_mails(context, [message]):
            raise BlockFailed.because(ErrorClass.UPSTREAM, "mail_not_taken", "The mail server took nothing.")
        return BlockResult({"message_id": message_id, "accepted": True})


def _message_id(key: str) -> str:
    """Stable over retries, in the sender's domain."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    return f"<{key}@{domain or 'localhost'}>"
