"""The http block against a real server: what it sends, what it takes, and how it fails (W32, W15, W16)."""

import asyncio
import gzip
import json
import resource
import threading
import time
import zlib
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from tests.unit.workflows_blocks.conftest import LocalServer, context, run, send, serve
from workflows.blocks.base import BlockFailed
from workflows.blocks.fetch import Call, fetch, shared_pool
from workflows.blocks.http import retry_after
from workflows.blocks.registry import block_types
from workflows.engine.types import BlockError, Effect, ErrorClass


def failure_of(config: dict[str, Any], seconds: float = 5.0) -> BlockError:
    with pytest.raises(BlockFailed) as failure:
        run("http", config, context(seconds))
    return failure.value.error


def test_a_json_answer_is_parsed_and_others_are_text(server: LocalServer) -> None:
    server.answers("/json", b'{"a": [1, null]}', Content_Type="application/problem+json; charset=utf-8")
    server.answers("/text", "grün".encode("latin-1"), Content_Type="text/plain; charset=latin-1")
    assert run("http", {"url": f"{server.url}/json"}).output["body"] == {"a": [1, None]}
    assert run("http", {"url": f"{server.url}/text"}).output["body"] == "grün"


def test_query_headers_and_body_are_sent(server: LocalServer) -> None:
    server.answers("/", b"")
    config = {
        "url": f"{server.url}/?a=1",
        "method": "POST",
        "query": {"b": "x y"},
        "headers": {"X-Tag": "t"},
        "auth": {"kind": "bearer", "token": "T"},
        "body": {"n": 1},
    }
    run("http", config)
    got = server.received[0]
    assert (got.method, got.path, json.loads(got.body)) == ("POST", "/?a=1&b=x+y", {"n": 1})
    assert got.headers["authorization"] == "Bearer T"
    assert got.headers["x-tag"] == "t"
    assert got.headers["content-type"] == "application/json"


def test_basic_auth_and_forms_are_spelled_as_servers_expect(server: LocalServer) -> None:
    server.answers("/", b"")
    auth = {"kind": "basic", "username": "ada", "password": "pw"}
    run(
        "http", {"url": server.url, "method": "POST", "auth": auth, "body": {"a": "1 2"}, "body_type": "form"}
    )
    assert server.received[0].headers["authorization"] == "Basic YWRhOnB3"
    assert server.received[0].body == b"a=1+2"


@pytest.mark.rule("W15")
@pytest.mark.parametrize(
    ("config", "effect"),
    [
        ({}, Effect.REPEATABLE),
        ({"method": "HEAD"}, Effect.REPEATABLE),
        ({"method": "PUT"}, Effect.IDEMPOTENT),
        ({"method": "DELETE"}, Effect.IDEMPOTENT),
        ({"method": "POST"}, Effect.UNSAFE),
        ({"method": "PATCH"}, Effect.UNSAFE),
        ({"method": "POST", "idempotency_header": "Idempotency-Key"}, Effect.IDEMPOTENT),
        ({"method": 5}, Effect.UNSAFE),
    ],
)
def test_the_effect_follows_the_method(config: dict[str, Any], effect: Effect) -> None:
    assert block_types()["http"].effect(config) is effect


@pytest.mark.rule("W15")
@pytest.mark.parametrize(
    ("config", "header"),
    [
        ({"method": "PUT"}, "idempotency-key"),
        ({"method": "POST", "idempotency_header": "X-Once"}, "x-once"),
    ],
)
def test_idempotent_calls_carry_the_key(server: LocalServer, config: dict[str, Any], header: str) -> None:
    server.answers("/", b"")
    run("http", {"url": server.url, **config})
    assert server.received[0].headers[header] == "key-1"


@pytest.mark.rule("W16")
@pytest.mark.parametrize(
    ("status", "error_class", "code"),
    [
        (429, ErrorClass.RATE_LIMITED, "rate_limited"),
        (500, ErrorClass.UPSTREAM, "upstream_error"),
        (503, ErrorClass.UPSTREAM, "upstream_error"),
        (408, ErrorClass.UPSTREAM, "upstream_error"),
        (404, ErrorClass.VALIDATION, "http_status"),
    ],
)
def test_a_bad_status_fails_by_its_class(
    server: LocalServer, status: int, error_class: ErrorClass, code: str
) -> None:
    server.answers("/", b"why", status=status, Retry_After="7")
    error = failure_of({"url": server.url})
    assert (error.error_class, error.code, error.retry_after_seconds) == (error_class, code, 7.0)
    assert error.detail == {"status": status, "body": "why"}


def test_a_status_can_be_declared_good(server: LocalServer) -> None:
    server.answers("/", b"", status=404)
    assert run("http", {"url": server.url, "ok_statuses": [404]}).output["status"] == 404


@pytest.mark.rule("W16")
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("12", 12.0),
        ("Sat, 21 Nov 2026 10:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 09:00:00 GMT", 0.0),
        ("soon", None),
    ],
)
def test_retry_after_is_read_in_both_spellings(header: str, seconds: float | None) -> None:
    assert retry_after(header, datetime(2026, 11, 21, 10, tzinfo=UTC)) == seconds


@pytest.mark.rule("W32", "S2")
def test_a_redirect_to_another_loopback_address_is_blocked(server: LocalServer) -> None:
    for other in serve("127.0.0.2"):
        server.answers("/", status=302, Location=other.url)
        assert failure_of({"url": server.url}).code == "blocked_address"
        assert not other.received


@pytest.mark.rule("W32", "S2")
def test_secrets_do_not_follow_to_another_origin(server: LocalServer, settings: Any) -> None:
    for other in serve():
        settings.RUNSHEET_HTTP_ALLOW = [server.allowed, other.allowed]
        server.answers("/", status=302, Location=f"{other.url}/there")
        other.answers("/there", b"ok")
        run(
            "http",
            {"url": server.url, "auth": {"kind": "bearer", "token": "T"}, "headers": {"X-Api-Key": "K"}},
        )
        assert server.received[0].headers["authorization"] == "Bearer T"
        assert not {"authorization", "x-api-key"} & set(other.received[0].headers)


def test_headers_do_follow_within_the_origin(server: LocalServer) -> None:
    server.answers("/", status=302, Location="/there")
    server.answers("/there", b"ok")
    assert run("http", {"url": server.url, "headers": {"X-Api-Key": "K"}}).output["body"] == "ok"
    assert server.received[1].headers["x-api-key"] == "K"


@pytest.mark.rule("W32", "S2")
def test_redirects_end_after_five(server: LocalServer) -> None:
    server.answers("/", status=302, Location="/")
    assert failure_of({"url": server.url}).code == "too_many_redirects"
    assert len(server.received) == 6


@pytest.mark.rule("W32")
def test_cookies_of_one_call_are_not_sent_by_the_next(server: LocalServer) -> None:
    server.answers("/set", b"", status=302, Location="/next", Set_Cookie="session=abc; Path=/")
    server.answers("/next", b"")
    run("http", {"url": f"{server.url}/set"})
    assert "cookie" not in server.received[1].headers


@pytest.mark.rule("W32")
@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://"])
def test_a_redirect_to_something_else_fails(server: LocalServer, location: str) -> None:
    server.answers("/", status=302, Location=location)
    assert failure_of({"url": server.url}).error_class in {ErrorClass.VALIDATION, ErrorClass.UPSTREAM}


@pytest.mark.rule("W32", "S4")
def test_a_body_over_the_cap_is_refused(server: LocalServer) -> None:
    server.answers("/", b"x" * 1001)
    assert failure_of({"url": server.url, "max_bytes": 1000}).code == "response_too_large"
    server.answers("/", b"x" * 1000)
    assert len(run("http", {"url": server.url, "max_bytes": 1000}).output["body"]) == 1000


def zeros(megabytes: int) -> bytes:
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(pack.compress(bytes(1024 * 1024)) for _ in range(megabytes)) + pack.flush()


@pytest.mark.rule("W32", "S4")
def test_a_compressed_bomb_is_noticed_at_the_cap(server: LocalServer) -> None:
    server.answers("/", zeros(1024), Content_Encoding="gzip")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert failure_of({"url": server.url}).code == "response_too_large"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024


def test_compressed_answers_are_read(server: LocalServer) -> None:
    server.answers("/gzip", gzip.compress(b"hello"), Content_Encoding="gzip")
    server.answers("/deflate", zlib.compress(b"hello"), Content_Encoding="deflate")
    for path in ("/gzip", "/deflate"):
        assert run("http", {"url": server.url + path}).output["body"] == "hello"


@pytest.mark.parametrize(
    ("encoding", "body"), [("gzip", gzip.compress(b"hello")[:-9]), ("br", b"x"), ("gzip", b"x")]
)
def test_damaged_or_unasked_compression_is_the_servers_fault(
    server: LocalServer, encoding: str, body: bytes
) -> None:
    server.answers("/", body, Content_Encoding=encoding)
    assert failure_of({"url": server.url}).error_class is ErrorClass.UPSTREAM


@pytest.mark.rule("W17", "W32", "S4")
def test_a_drip_ends_at_the_deadline_of_the_whole_exchange(server: LocalServer) -> None:
    let_go = threading.Event()

    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000000")
        request.end_headers()
        while not let_go.wait(0.02):
            request.wfile.write(b".")

    server.handlers["/"] = drip
    started = time.monotonic()
    error = failure_of({"url": server.url}, seconds=0.3)
    let_go.set()
    assert (error.error_class, error.code) == (ErrorClass.TIMEOUT, "timeout")
    assert time.monotonic() - started < 2


def test_headers_without_end_are_refused(server: LocalServer) -> None:
    server.handlers["/"] = lambda request: send(request, b"", 200, {f"X_{n}": "v" * 1000 for n in range(40)})
    assert failure_of({"url": server.url}).code == "response_too_large"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"a": 1e400}', "bad_output"),
        (b'{"a": NaN}', "bad_output"),
        (b"[" * 100_000, "response_not_json"),
        (b"[" * 70 + b"]" * 70, "bad_output"),
        (b"<html>", "response_not_json"),
    ],
)
def test_json_that_cannot_be_stored_fails_with_its_reason(
    server: LocalServer, body: bytes, code: str
) -> None:
    server.answers("/", body)
    assert failure_of({"url": server.url, "response_type": "json"}).code == code


def test_characters_that_cannot_be_stored_are_replaced(server: LocalServer) -> None:
    server.answers("/", b'{"a": "x\\u0000y", "b": "\\ud800"}', Content_Type="application/json")
    assert run("http", {"url": server.url}).output["body"] == {"a": "x\ufffdy", "b": "\ufffd"}


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"url": "ftp://example.org/"}, "url_invalid"),
        ({"url": "nonsense"}, "url_invalid"),
        ({"url": "http://exa mple.org\n/"}, "request_invalid"),
        ({"url": "http://example.org", "headers": {"Host": "other"}}, "bad_config"),
        ({"url": "http://example.org", "headers": {"X": "a\r\nY: b"}}, "request_invalid"),
        ({"url": "http://example.org", "method": "POST", "body": 5, "body_type": "text"}, "bad_config"),
    ],
)
def test_a_request_that_cannot_be_sent_says_why(
    config: dict[str, Any], code: str, server: LocalServer
) -> None:
    if config["url"] == "http://example.org":
        config = {**config, "url": server.url}
    assert failure_of(config).code == code


def test_nobody_listening_is_the_upstreams_fault(server: LocalServer, settings: Any) -> None:
    settings.RUNSHEET_HTTP_ALLOW = ["127.0.0.1:9"]
    error = failure_of({"url": "http://127.0.0.1:9/secret-path"})
    assert (error.error_class, error.code) == (ErrorClass.UPSTREAM, "unreachable")
    assert "secret-path" not in error.message


async def many(urls: list[str], seconds: float) -> list[str]:
    """The codes of that many calls at once, after which nothing may be left in the pool."""

    async def code_of(url: str) -> str:
        try:
            return str((await fetch(Call("GET", url, deadline_seconds=seconds))).status)
        except BlockFailed as failure:
            return failure.error.code

    pool = shared_pool()
    codes = await asyncio.gather(*map(code_of, urls))
    busy = [held for held in pool.client._transport._pool.connections if not held.is_idle()]  # type: ignore[attr-defined]
    assert busy == []
    await pool.client.aclose()
    return codes


@pytest.mark.rule("W32")
@pytest.mark.parametrize("at_once", [256, 4])
def test_calls_that_are_blocked_or_time_out_leave_the_pool_as_it_was(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("workflows.blocks.fetch.MOST_AT_ONCE", at_once)
    let_go = threading.Event()

    def stall(request: BaseHTTPRequestHandler) -> None:
        let_go.wait(5)

    server.handlers["/slow"] = stall
    server.answers("/quick", b"")
    blocked = [f"http://10.0.0.{n % 250}/" for n in range(300)]
    assert set(asyncio.run(many(blocked, 5))) == {"blocked_address"}
    assert set(asyncio.run(many([f"{server.url}/slow"] * 40, 0.2))) == {"timeout"}
    let_go.set()
    assert set(asyncio.run(many([f"{server.url}/quick"] * 40, 5))) == {"200"}
