"""`webhook`: tell another system, signed (W15, W32)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, Field, StringConstraints, field_validator

from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockResult, Example
from workflows.blocks.fetch import Call, fetch
from workflows.blocks.http import RESERVED_HEADERS, SecretText, parsed_body, refused
from workflows.blocks.registry import register
from workflows.engine.fields import Template
from workflows.engine.types import Effect
from workflows.engine.webhook_signature import SECRET_PREFIX, signature

OWN_HEADERS: Final = frozenset({"content-type", "webhook-id", "webhook-timestamp", "webhook-signature"})
_NO_SECRET: Final = "a webhook secret is whsec_ and base64; copy it as the receiver shows it"  # noqa: S105


def _is_secret(secret: str) -> str:
    try:
        signature(secret, "", "", b"")
    except ValueError:
        raise ValueError(_NO_SECRET) from None
    if not secret.removeprefix(SECRET_PREFIX):
        raise ValueError(_NO_SECRET)
    return secret


class WebhookConfig(BlockConfig):
    """``payload`` is any JSON; ``secret`` (``whsec_…``) signs it.

    ``idempotency_header`` names the header by which the receiver recognises a repetition.
    """

    url: SecretText
    payload: Annotated[Any, Template()] = None
    headers: Annotated[dict[str, str], Template(secrets=True)] = {}
    secret: Annotated[Annotated[str, AfterValidator(_is_secret)] | None, Template(secrets=True)] = None
    idempotency_header: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")] | None = None
    max_bytes: Annotated[int, Field(ge=1, le=1024 * 1024)] = 64 * 1024

    @field_validator("headers")
    @classmethod
    def _headers_free(cls, headers: dict[str, str]) -> dict[str, str]:
        taken = sorted(name for name in headers if name.lower() in RESERVED_HEADERS | OWN_HEADERS)
        if taken:
            raise ValueError(f"{', '.join(taken)} is set by the webhook itself and cannot be given")
        return headers


@register
class Webhook(Block[WebhookConfig]):
    """Posts JSON to a URL, with the headers of Standard Webhooks; the output is ``{id, status, body}``.

    ``webhook-id`` stays the same over retries and crashes, so that the receiver can tell a repetition; with a secret
    ``webhook-signature`` covers id, time and body. Redirects are not followed. Statuses outside 200–299 fail it as they
    fail an HTTP request. It counts as unsafe, unless you name a header by which the receiver recognises repetitions.
    """

    name = "webhook"
    title = "Webhook"
    config_model = WebhookConfig
    effect_class = Effect.UNSAFE
    default_timeout_seconds = 30.0
    output_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {"id": {"type": "string"}, "status": {"type": "integer"}, "body": {}},
        "required": ["id", "status", "body"],
    }
    example = Example(
        config={
            "url": "{{ input.base_url }}/told",
            "payload": {"type": "row.ready", "row": "{{ input.row }}"},
        },
        input={"row": 7},
        served={"/told": {"ok": True}},
        output={"id": "key-1", "status": 200, "body": {"ok": True}},
    )

    def effect(self, config: Mapping[str, Any]) -> Effect:
        """Unsafe without a header that the receiver knows repetitions by (W15)."""
        return Effect.IDEMPOTENT if config.get("idempotency_header") else Effect.UNSAFE

    async def run(self, context: BlockContext, config: WebhookConfig) -> BlockResult:
        """Write, sign, send, and judge the answer."""
        content = json.dumps(
            config.payload, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        ).encode()
        call = Call(
            method="POST",
            url=config.url,
            headers=_headers(config, context.idempotency_key, datetime.now(UTC), content),
            content=content,
            max_bytes=config.max_bytes,
            max_redirects=0,
            deadline_seconds=context.remaining_seconds(),
        )
        answer = await fetch(call)
        if not 200 <= answer.status <= 299:
            raise refused(answer)
        body = parsed_body(answer, "auto")
        return BlockResult({"id": context.idempotency_key, "status": answer.status, "body": body})


def _headers(config: WebhookConfig, key: str, now: datetime, content: bytes) -> dict[str, str]:
    timestamp = str(int(now.timestamp()))
    headers = {"Content-Type": "application/json", "webhook-id": key, "webhook-timestamp": timestamp}
    if config.secret is not None:
        headers["webhook-signature"] = signature(config.secret, key, timestamp, content)
    if config.idempotency_header is not None:
        headers[config.idempotency_header] = key
    return {**config.headers, **headers}
