"""The webhook block against a real server: signed, told apart when repeated, and guarded (W15, W32)."""

import json
import time
from typing import Any

import pytest

from tests.unit.workflows_blocks.conftest import LocalServer, run
from workflows.blocks.base import BlockFailed
from workflows.blocks.registry import block_types
from workflows.engine.types import BlockError, Effect, ErrorClass
from workflows.engine.validation import check_definition
from workflows.engine.webhook_signature import SignedDelivery, delivery_fault, secret_text

SECRET = secret_text(b"k" * 32)


def failed(config: dict[str, Any]) -> BlockError:
    with pytest.raises(BlockFailed) as raised:
        run("webhook", config)
    return raised.value.error


@pytest.mark.rule("W15")
@pytest.mark.parametrize(
    ("config", "effect"), [({}, Effect.UNSAFE), ({"idempotency_header": "X-Once"}, Effect.IDEMPOTENT)]
)
def test_a_webhook_is_unsafe_unless_the_receiver_knows_repetitions(
    config: dict[str, Any], effect: Effect
) -> None:
    assert block_types()["webhook"].effect(config) is effect


def test_a_receiver_can_check_what_it_gets(server: LocalServer) -> None:
    server.answers("/", b'{"ok": true}', Content_Type="application/json")
    config = {
        "url": server.url,
        "payload": {"name": "Grün", "n": 1.5},
        "secret": SECRET,
        "headers": {"X-Tag": "t"},
        "idempotency_header": "X-Once",
    }
    assert run("webhook", config).output == {"id": "key-1", "status": 200, "body": {"ok": True}}
    (got,) = server.received
    headers = got.headers
    assert (got.method, json.loads(got.body)) == ("POST", {"name": "Grün", "n": 1.5})
    assert (headers["content-type"], headers["x-tag"], headers["x-once"]) == (
        "application/json",
        "t",
        "key-1",
    )
    delivery = SignedDelivery(
        headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"], got.body
    )
    assert delivery.id == "key-1"
    assert delivery_fault(delivery, [SECRET], now=time.time()) is None
    assert delivery_fault(delivery, [secret_text(b"x" * 32)], now=time.time()) is not None


def test_without_a_secret_nothing_is_signed(server: LocalServer) -> None:
    server.answers("/", b"thanks")
    assert run("webhook", {"url": server.url}).output["body"] == "thanks"
    assert server.received[0].body == b"null"
    assert "webhook-signature" not in server.received[0].headers


@pytest.mark.rule("W16")
@pytest.mark.parametrize(
    ("status", "error_class", "code"),
    [
        (302, ErrorClass.VALIDATION, "http_status"),
        (410, ErrorClass.VALIDATION, "http_status"),
        (429, ErrorClass.RATE_LIMITED, "rate_limited"),
        (503, ErrorClass.UPSTREAM, "upstream_error"),
    ],
)
def test_a_bad_status_fails_as_it_fails_a_request(
    server: LocalServer, status: int, error_class: ErrorClass, code: str
) -> None:
    server.answers("/", b"", status=status, Location="/elsewhere")
    error = failed({"url": server.url})
    assert (error.error_class, error.code) == (error_class, code)
    assert len(server.received) == 1


@pytest.mark.rule("W32", "S1")
def test_a_private_address_is_not_told_anything(closed_server: LocalServer) -> None:
    assert failed({"url": closed_server.url}).code == "blocked_address"
    assert not closed_server.received


@pytest.mark.rule("W32")
def test_the_answer_is_bounded(server: LocalServer) -> None:
    server.answers("/", b"x" * 101)
    assert failed({"url": server.url, "max_bytes": 100}).code == "response_too_large"


@pytest.mark.rule("W1")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"secret": "not base64!"}, "config.secret"),
        ({"secret": "whsec_"}, "config.secret"),
        ({"headers": {"Webhook-Id": "1"}}, "config.headers"),
        ({"headers": {"Host": "x"}}, "config.headers"),
        ({"payload": "{{ secrets.KEY }}"}, "config.payload"),
        ({"secret": "{{ secrets.KEY }}"}, None),
    ],
)
def test_a_webhook_is_checked_when_it_is_saved(change: dict[str, Any], field: str | None) -> None:
    block = {"key": "w", "type": "webhook", "config": {"url": "https://example.org/{{ input.x }}", **change}}
    faults = check_definition({"blocks": [block], "edges": []}, block_types()).faults
    assert [fault.field.partition(".func")[0] for fault in faults] == ([] if field is None else [field])
