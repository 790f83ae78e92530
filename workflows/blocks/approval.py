"""`approval`: ask a person, and go on by the answer (W19, W20)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Final, Literal

from django.conf import settings
from django.core.mail import EmailMessage
from pydantic import Field, StringConstraints, field_validator, model_validator

from workflows.blocks.base import (
    Answer,
    Block,
    BlockConfig,
    BlockContext,
    BlockFailed,
    BlockPause,
    BlockResult,
    Example,
)
from workflows.blocks.mail import Addresses, send_mails
from workflows.blocks.registry import register
from workflows.engine.fields import Template
from workflows.engine.forms import APPROVE, MOST_FIELDS, answer_errors, form_complete, form_errors
from workflows.engine.types import Effect, ErrorClass, RetryPolicy
from workflows.states import PauseKind

TOKEN_BYTES: Final = 32
LONGEST_SECONDS: Final = 366 * 86_400
APPROVED: Final = "approved"
REJECTED: Final = "rejected"

Option = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]


class FormField(BlockConfig):
    """One field of the form; ``options`` are for a ``select`` alone. See ``engine.forms`` for what each type takes."""

    name: Name
    label: Annotated[str, StringConstraints(max_length=200)] = ""
    type: Literal["text", "long_text", "number", "boolean", "select", "date"] = "text"
    required: bool = False
    options: Annotated[list[Option], Field(max_length=100)] = []
    default: Any = None

    @model_validator(mode="after")
    def _fits(self) -> FormField:
        if (self.type == "select") != bool(self.options):
            raise ValueError("a select needs options, and nothing else has them")
        if fault := form_errors([self.model_dump()], {}, required=False).get(self.name):
            raise ValueError(f"the default does not fit: {fault}")
        return self


class DefaultAnswer(BlockConfig):
    """What counts as answered when nobody answers in time."""

    decision: Literal["approve", "reject"]
    fields: dict[str, Any] = {}


class ApprovalConfig(BlockConfig):
    """What is asked, of whom, and what follows when nobody answers in time.

    ``on_expiry``: ``fail``, ``error`` (the same failure, meant for the error edge) or ``default`` (``default`` is
    the answer). Without ``expires_after_seconds`` the question stays open. ``notify`` sends the link to ``assignees``.
    """

    message: Annotated[str, Template()]
    fields: Annotated[list[FormField], Field(max_length=MOST_FIELDS)] = []
    assignees: Annotated[Addresses, Template()] = []
    expires_after_seconds: Annotated[Annotated[int, Field(ge=1, le=LONGEST_SECONDS)] | None, Template()] = (
        None
    )
    on_expiry: Literal["fail", "default", "error"] = "fail"
    default: DefaultAnswer | None = None
    notify: bool = True

    @field_validator("fields")
    @classmethod
    def _names_once(cls, fields: list[FormField]) -> list[FormField]:
        names = [field.name for field in fields]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"field names must differ; used twice: {', '.join(twice)}")
        return fields

    @model_validator(mode="after")
    def _default_fits(self) -> ApprovalConfig:
        if (self.on_expiry == "default") != (self.default is not None):
            raise ValueError("give a default answer when on_expiry is default, and only then")
        if self.default is not None:
            faults = answer_errors(self.form(), self.default.model_dump())
            if faults:
                told = "; ".join(f"{place}: {fault}" for place, fault in faults.items())
                raise ValueError(f"the default answer does not fit the form: {told}")
        return self

    def form(self) -> list[dict[str, Any]]:
        """The fields as the JSON that ``engine.forms`` reads."""
        return [field.model_dump() for field in self.fields]


@register
class Approval(Block[ApprovalConfig]):
    """Asks a person, and goes on by ``approved`` or ``rejected``. The run holds no worker meanwhile.

    The question stands in the workspace's inbox; assignees get a mail with a link that works once and needs no account.
    When a mail cannot be sent, the block fails and nothing is asked. Branches beside it run on.
    """

    name = "approval"
    title = "Approval"
    config_model = ApprovalConfig
    effect_class = Effect.REPEATABLE
    default_timeout_seconds = 60.0
    default_retry: ClassVar[RetryPolicy | None] = RetryPolicy(
        max_attempts=3, retry_on=frozenset({ErrorClass.UPSTREAM})
    )  # a question that expired is not asked again
    output_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {
            "decision": {"enum": ["approve", "reject"]},
            "approved": {"type": "boolean"},
            "fields": {"type": "object"},
            "comment": {"type": ["string", "null"]},
            "by": {"type": ["object", "null"]},
            "at": {"type": "string", "format": "date-time"},
            "expired": {"type": "boolean"},
        },
        "required": ["decision", "approved", "fields", "comment", "by", "at", "expired"],
    }
    example = Example(
        config={
            "message": "Order {{ input.seats }} licences?",
            "fields": [{"name": "budget", "label": "From which budget?", "required": True}],
            "assignees": ["{{ input.manager }}"],
            "expires_after_seconds": 86400,
        },
        input={"seats": 5, "manager": "ada@example.org"},
        answer={"decision": "approve", "fields": {"budget": "tools"}},
        output={
            "decision": "approve",
            "approved": True,
            "fields": {"budget": "tools"},
            "comment": None,
            "expired": False,
        },
        handle=APPROVED,
    )

    def handles(self, config: Mapping[str, Any]) -> frozenset[str]:
        """Two ports, whoever answers."""
        return frozenset({APPROVED, REJECTED})

    def run(self, context: BlockContext, config: ApprovalConfig) -> BlockPause:
        """Tell the assignees, then park. The token is random: who has the link was given it."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        expiry = config.expires_after_seconds
        until = None if expiry is None else datetime.now(UTC) + timedelta(seconds=expiry)
        if config.notify and config.assignees:
            send_mails(context, _mails(config, until, token))
        request = {
            "message": config.message,
            "fields": config.form(),
            "assignees": config.assignees,
            "on_expiry": config.on_expiry,
            "default": None if config.default is None else config.default.model_dump(),
        }
        return BlockPause(PauseKind.APPROVAL, until=until, request=request, token=token)

    def wake(self, context: BlockContext, config: ApprovalConfig, answer: Answer) -> BlockResult:
        """Check the answer once more, or do as the config says when there is none."""
        fields = answer.asked["fields"]
        data = answer.asked["default"] if answer.expired else answer.data
        if data is None and answer.expired:
            raise BlockFailed.because(
                ErrorClass.TIMEOUT, "approval_expired", "Nobody answered before the question expired."
            )
        if faults := answer_errors(fields, data):
            raise BlockFailed.because(
                ErrorClass.VALIDATION, "answer_invalid", "The answer does not fit the form.", detail=faults
            )
        approved = data["decision"] == APPROVE
        output = {
            "decision": data["decision"],
            "approved": approved,
            "fields": form_complete(fields, data.get("fields") or {}),
            "comment": data.get("comment"),
            "by": None if answer.by is None else dict(answer.by),
            "at": answer.at.isoformat(),
            "expired": answer.expired,
        }
        return BlockResult(output, handle=APPROVED if approved else REJECTED)


def _mails(config: ApprovalConfig, until: datetime | None, token: str) -> list[EmailMessage]:
    """One mail per assignee: no address learns of the others."""
    subject = " ".join(config.message.split())[:80] or "Your decision"
    lines = [config.message, "", f"Answer here: {settings.RUNSHEET_PUBLIC_URL}/api/v1/answer/{token}/"]
    if until is not None:
        lines += ["", f"The question is open until {until:%Y-%m-%d %H:%M} UTC."]
    body = "\n".join(lines)
    return [EmailMessage(f"Approval: {subject}", body, to=[address]) for address in config.assignees]
