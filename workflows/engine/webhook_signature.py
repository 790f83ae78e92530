"""The Standard Webhooks signature: what is signed, how it is checked, and when a delivery is too old (trust.md 12).

A sender and a hook share a secret, ``whsec_`` and 32 random bytes in base64. Each delivery carries three headers::

    webhook-id: msg_2f…                   names the message; the same at every retry
    webhook-timestamp: 1700000000         seconds since 1970, of this attempt
    webhook-signature: v1,base64 v1,base64   HMAC-SHA256 over ``id.timestamp.body``; one per secret in use
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

SECRET_PREFIX: Final = "whsec_"  # noqa: S105  lets people and secret scanners recognise one
SECRET_BYTES: Final = 32
TOLERANCE_SECONDS: Final = 300
"""How far a delivery's timestamp may lie from our clock, either way."""

LONGEST_ID: Final = 256
MOST_SIGNATURES: Final = 16
"""Signatures looked at in one header; nobody rotates more keys at once."""

_ID: Final = re.compile(rf"[!-\-/-~]{{1,{LONGEST_ID}}}")
"""Visible ASCII but for the dot: with one, ``id.timestamp.body`` could be cut in two ways."""

_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class SignedDelivery:
    """The three headers as they came (empty when missing), and the body, byte by byte."""

    id: str
    timestamp: str
    signatures: str
    body: bytes


def secret_text(random_bytes: bytes) -> str:
    """The secret as it is shown to its owner and given to a sender."""
    return SECRET_PREFIX + base64.b64encode(random_bytes).decode()


def signature(secret: str, delivery_id: str, timestamp: str, body: bytes) -> str:
    """``v1,`` and the signature in base64. Raises ``ValueError`` for a text that is no secret."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("not a webhook secret") from error
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def delivery_fault(delivery: SignedDelivery, secrets: Iterable[str], *, now: float) -> str | None:
    """Why a delivery is not to be trusted, as a sentence; None when it is.

    ``now`` is in seconds since 1970. Any signature may match any secret, so that both sides can rotate. All of them
    are compared, each in constant time: how long it takes tells nothing.
    """
    if not _ID.fullmatch(delivery.id):
        return f"Send webhook-id: 1 to {LONGEST_ID} visible ASCII characters without a dot."
    if not _TIMESTAMP.fullmatch(delivery.timestamp):
        return "Send webhook-timestamp: whole seconds since 1970."
    if abs(now - int(delivery.timestamp)) > TOLERANCE_SECONDS:
        return f"webhook-timestamp is more than {TOLERANCE_SECONDS} s away from the clock here."
    given = [text.encode("utf-8", "replace") for text in delivery.signatures.split()[:MOST_SIGNATURES]]
    matches = False
    for secret in secrets:
        expected = signature(secret, delivery.id, delivery.timestamp, delivery.body).encode()
        for one in given:
            matches |= hmac.compare_digest(expected, one)
    if not matches:
        return "No webhook-signature (v1) matches this body under a secret of the hook."
    return None
