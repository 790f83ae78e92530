"""The Standard Webhooks signature: known answers, and what is refused (trust.md 12)."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from workflows.engine.webhook_signature import (
    SignedDelivery,
    delivery_fault,
    secret_text,
    signature,
)

# The example published with the specification.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, STAMP, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}'
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
NOW = 1614265330.0


def fault(*, now: float = NOW, secrets: tuple[str, ...] = (SECRET,), **changes: Any) -> str | None:
    given = {"id": ID, "timestamp": STAMP, "signatures": SIGNED, "body": BODY, **changes}
    return delivery_fault(SignedDelivery(**given), secrets, now=now)


@pytest.mark.rule("S12")
def test_the_signature_is_the_one_of_the_specification() -> None:
    assert signature(SECRET, ID, STAMP, BODY) == SIGNED
    assert fault() is None


@pytest.mark.rule("S12")
@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"body": BODY + b" "}, "signature"),
        ({"body": BODY.replace(b"4", b"5", 1)}, "signature"),
        ({"id": "msg_other"}, "signature"),
        ({"timestamp": "1614265331"}, "signature"),
        ({"signatures": ""}, "signature"),
        ({"signatures": SIGNED.removeprefix("v1,")}, "signature"),
        ({"signatures": SIGNED.replace("v1,", "v2,")}, "signature"),
        ({"signatures": SIGNED[:-1]}, "signature"),
        ({"signatures": "v1,ü"}, "signature"),
        ({"signatures": " ".join(["v1,x"] * 16 + [SIGNED])}, "signature"),
        ({"secrets": ()}, "signature"),
        ({"secrets": (secret_text(bytes(32)),)}, "signature"),
        ({"id": ""}, "webhook-id"),
        ({"id": "a.b"}, "webhook-id"),
        ({"id": "a b"}, "webhook-id"),
        ({"id": "x" * 257}, "webhook-id"),
        ({"id": f"{ID}\n"}, "webhook-id"),
        ({"timestamp": ""}, "webhook-timestamp"),
        ({"timestamp": "-1614265330"}, "webhook-timestamp"),
        ({"timestamp": "1614265330.5"}, "webhook-timestamp"),
        ({"timestamp": "١٦١٤٢٦٥٣٣٠"}, "webhook-timestamp"),
        ({"now": NOW + 301}, "webhook-timestamp"),
        ({"now": NOW - 301}, "webhook-timestamp"),
    ],
)
def test_what_is_altered_old_or_malformed_is_refused(changes: dict[str, Any], word: str) -> None:
    assert word in (fault(**changes) or "")


@pytest.mark.rule("S12")
@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_five_minutes_either_way_are_fresh(seconds: int) -> None:
    assert fault(now=NOW + seconds) is None


@pytest.mark.rule("S12")
def test_any_signature_may_match_any_active_secret() -> None:
    other = secret_text(bytes(range(32)))
    several = f"v1a,x {signature(other, ID, STAMP, BODY)} {SIGNED}"
    assert fault(signatures=several, secrets=(secret_text(bytes(32)), SECRET)) is None
    assert fault(signatures=several, secrets=(other,)) is None


def test_a_secret_is_readable_as_one() -> None:
    assert base64.b64decode(secret_text(b"k" * 32).removeprefix("whsec_")) == b"k" * 32
