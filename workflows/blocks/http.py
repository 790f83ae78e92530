"""`http`: call a web service (W32)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, ClassVar, Final, Literal
from urllib.parse import urlencode

from pydantic import Field, StringConstraints, field_validator

from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockFailed, BlockResult, Example
from workflows.blocks.fetch import MOST_REDIRECTS, Answer, Call, fetch
from workflows.blocks.registry import register
from workflows.engine.fields import Template
from workflows.engine.types import Effect, ErrorClass, RetryPolicy

MOST_BYTES: Final = 10 * 1024 * 1024
IDEMPOTENCY_HEADER: Final = "Idempotency-Key"
RESERVED_HEADERS: Final = frozenset(
    {
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "accept-encoding",
        "upgrade",
        "te",
        "trailer",
    }
)
_EFFECTS: Final[Mapping[str, Effect]] = {
    "GET": Effect.REPEATABLE,
    "HEAD": Effect.REPEATABLE,
    "PUT": Effect.IDEMPOTENT,
    "DELETE": Effect.IDEMPOTENT,
}
_BUSY: Final = frozenset({408, 425})

SecretText = Annotated[str, Template(secrets=True)]


class BearerAuth(BlockConfig):
    """``Authorization: Bearer <token>``."""

    kind: Literal["bearer"] = "bearer"
    token: SecretText


class BasicAuth(BlockConfig):
    """``Authorization: Basic``, from a name and a password."""

    kind: Literal["basic"] = "basic"
    username: SecretText
    password: SecretText


class HttpConfig(BlockConfig):
    """The request, and what counts as a good answer.

    ``body`` is any JSON for ``body_type`` json, an object of fields for form, a text for text.
    ``ok_statuses`` are statuses that count as success beside 200–299. ``idempotency_header`` names the
    header by which the service recognises a repeated POST or PATCH.
    """

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: SecretText
    query: Annotated[dict[str, str], Template(secrets=True)] = {}
    headers: Annotated[dict[str, str], Template(secrets=True)] = {}
    auth: Annotated[BearerAuth | BasicAuth, Field(discriminator="kind")] | None = None
    body: Annotated[Any, Template()] = None
    body_type: Literal["json", "form", "text"] = "json"
    response_type: Literal["auto", "json", "text"] = "auto"
    ok_statuses: list[Annotated[int, Field(ge=100, le=599)]] = []
    idempotency_header: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")] | None = None
    max_bytes: Annotated[int, Field(ge=1, le=MOST_BYTES)] = 1024 * 1024
    max_redirects: Annotated[int, Field(ge=0, le=MOST_REDIRECTS)] = MOST_REDIRECTS

    @field_validator("headers")
    @classmethod
    def _headers_ours(cls, headers: dict[str, str]) -> dict[str, str]:
        reserved = sorted(name for name in headers if name.lower() in RESERVED_HEADERS)
        if reserved:
            raise ValueError(f"{', '.join(reserved)} is set by the request itself and cannot be given")
        return headers


@register
class Http(Block[HttpConfig]):
    """Sends one HTTP request; the answer is ``{status, headers, body}``.

    A JSON answer is parsed, anything else is text. Statuses outside 200–299 (and ``ok_statuses``) fail the
    block: 429 as ``rate_limited`` and 5xx as ``upstream``, both tried again, any other as a fault of the
    request, which is not. ``Retry-After`` is honoured. Only public addresses are called, unless the install
    allows others.

    GET and HEAD may be repeated after a crash; PUT and DELETE carry an ``Idempotency-Key``; POST and PATCH
    count as unsafe unless you name the header by which the service recognises a repetition.
    """

    name = "http"
    title = "HTTP request"
    config_model = HttpConfig
    effect_class = Effect.REPEATABLE
    default_timeout_seconds = 30.0
    default_retry: ClassVar[RetryPolicy | None] = RetryPolicy(max_attempts=3)
    output_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {"status": {"type": "integer"}, "headers": {"type": "object"}, "body": {}},
        "required": ["status", "headers", "body"],
    }
    example = Example(
        config={"url": "{{ input.base_url }}/customers/{{ input.id }}", "response_type": "json"},
        input={"id": 7},
        served={"/customers/7": {"name": "Ada"}},
        output={"status": 200, "body": {"name": "Ada"}},
    )

    def effect(self, config: Mapping[str, Any]) -> Effect:
        """By method; POST and PATCH are unsafe without an idempotency header (W15)."""
        if config.get("idempotency_header"):
            return _EFFECTS.get(str(config.get("method", "GET")), Effect.IDEMPOTENT)
        return _EFFECTS.get(str(config.get("method", "GET")), Effect.UNSAFE)

    async def run(self, context: BlockContext, config: HttpConfig) -> BlockResult:
        """Send, wait, and judge the answer."""
        answer = await fetch(
            Call(
                method=config.method,
                url=config.url,
                query=config.query,
                headers=_headers(config, context.idempotency_key),
                content=_content(config),
                max_bytes=config.max_bytes,
                max_redirects=config.max_redirects,
                deadline_seconds=context.remaining_seconds(),
            )
        )
        if not (200 <= answer.status <= 299 or answer.status in config.ok_statuses):
            raise refused(answer)
        return BlockResult(
            {
                "status": answer.status,
                "headers": answer.headers,
                "body": parsed_body(answer, config.response_type),
            }
        )


def _headers(config: HttpConfig, idempotency_key: str) -> dict[str, str]:
    content_types = {
        "json": "application/json",
        "form": "application/x-www-form-urlencoded",
        "text": "text/plain",
    }
    headers = {} if config.body is None else {"Content-Type": content_types[config.body_type]}
    if isinstance(config.auth, BearerAuth):
        headers["Authorization"] = f"Bearer {config.auth.token}"
    elif isinstance(config.auth, BasicAuth):
        pair = f"{config.auth.username}:{config.auth.password}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    if config.idempotency_header or config.method in {"PUT", "DELETE"}:
        headers[config.idempotency_header or IDEMPOTENCY_HEADER] = idempotency_key
    given = {name.lower() for name in config.headers}
    return {**{name: value for name, value in headers.items() if name.lower() not in given}, **config.headers}


def _content(config: HttpConfig) -> bytes | None:
    if config.body is None:
        return None
    if config.body_type == "json":
        return json.dumps(config.body, ensure_ascii=False, allow_nan=False).encode()
    if config.body_type == "form" and isinstance(config.body, dict):
        return urlencode(config.body, doseq=True).encode()
    if config.body_type == "text" and isinstance(config.body, str):
        return config.body.encode()
    wanted = "an object" if config.body_type == "form" else "a text"
    raise BlockFailed.because(
        ErrorClass.VALIDATION,
        "bad_config",
        f"body: must be {wanted} when body_type is {config.body_type}",
    )


def parsed_body(answer: Answer, response_type: str) -> Any:
    """The body as JSON or text: as ``response_type`` (auto, json, text) asks. Raises ``BlockFailed``."""
    text = _text(answer)
    is_json = (
        answer.headers.get("content-type", "").split(";")[0].strip().lower().endswith(("/json", "+json"))
    )
    if response_type == "text" or (response_type == "auto" and not is_json):
        return text
    try:
        parsed = json.loads(text) if text else None
    except (ValueError, RecursionError) as error:
        if response_type == "auto":
            return text
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BlockFailed.because(
            ErrorClass.UPSTREAM, "response_not_json", f"The answer is not JSON: {reason}"
        ) from None
    return parsed


def _text(answer: Answer) -> str:
    try:
        return answer.content.decode(answer.encoding, errors="replace")
    except LookupError:  # a charset nobody knows
        return answer.content.decode("utf-8", errors="replace")


def refused(answer: Answer) -> BlockFailed:
    """The failure that a status stands for."""
    error_class, code = ErrorClass.VALIDATION, "http_status"
    if answer.status == 429:
        error_class, code = ErrorClass.RATE_LIMITED, "rate_limited"
    elif answer.status >= 500 or answer.status in _BUSY:
        error_class, code = ErrorClass.UPSTREAM, "upstream_error"
    return BlockFailed.because(
        error_class,
        code,
        f"The server answered {answer.status}.",
        detail={"status": answer.status, "body": _text(answer)[:1_000]},
        retry_after_seconds=retry_after(answer.headers.get("retry-after"), datetime.now(UTC)),
    )


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds to wait by a ``Retry-After`` header (seconds, or an HTTP date); None when it says nothing."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())
