"""Random keys: made once, shown once, kept as a hash."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

TOKEN_PREFIX: Final = "rs_"  # noqa: S105  lets people and secret scanners recognise a token
TICKET_PREFIX: Final = "rst_"
RANDOM_BYTES: Final = 32
SHOWN_CHARACTERS: Final = 6


@dataclass(frozen=True, slots=True)
class FreshKey:
    """A new key: the plaintext for its owner, what may be shown of it later, and the hash to keep."""

    plaintext: str
    shown: str
    sha256: str


def key_make(prefix: str) -> FreshKey:
    """A key of 256 random bits behind a readable prefix."""
    plaintext = prefix + secrets.token_urlsafe(RANDOM_BYTES)
    return FreshKey(plaintext, plaintext[: len(prefix) + SHOWN_CHARACTERS], key_hash(plaintext))


def key_hash(plaintext: str) -> str:
    """SHA-256 of a key in hexadecimal: the only form that is stored."""
    return hashlib.sha256(plaintext.encode("utf-8", "surrogatepass")).hexdigest()
