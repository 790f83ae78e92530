"""Encryption of secrets at rest, and their removal from anything about to be stored or shown.

The ring (`settings.RUNSHEET_SECRET_KEYS`) is a list of Fernet keys: the first encrypts, every one of
them decrypts. To rotate: put a new key first, run `manage.py rotate_secrets`, then drop the old one.
"""

import base64
import functools
import json
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote, quote_plus

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from workspaces.errors import SecretUnreadable

MASK: Final = "***"
SHORTEST_REDACTED: Final = 4
"""Shorter values are left alone: masking every `1` would destroy results and hide nothing."""


def key_ring() -> MultiFernet:
    """The ring of the settings, whose keys `config/env.py` checked at boot."""
    return _ring(tuple(settings.RUNSHEET_SECRET_KEYS))


@functools.lru_cache(maxsize=8)
def _ring(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(value: str) -> str:
    """Encrypt with the first key of the ring; the answer is ASCII."""
    return key_ring().encrypt(value.encode()).decode()


def decrypt(ciphertext: str) -> str:
    """Decrypt with whichever key fits. Raises `SecretUnreadable`."""
    try:
        return key_ring().decrypt(ciphertext.encode()).decode()
    except InvalidToken as fault:
        raise SecretUnreadable from fault


def rotate(ciphertext: str) -> str:
    """The same value encrypted again with the first key. Raises `SecretUnreadable`."""
    try:
        return key_ring().rotate(ciphertext.encode()).decode()
    except InvalidToken as fault:
        raise SecretUnreadable from fault


def secrets_redact(value: Any, secrets: Iterable[str]) -> Any:
    """A copy of a JSON-like value in which every occurrence of a secret reads `***`.

    Also found: a secret written as JSON, percent-encoded or base64, as providers echo it. Keys of
    objects are searched too. Longer secrets go first, so that one inside another leaves no rest.
    """
    spellings = {
        form for secret in secrets if len(secret) >= SHORTEST_REDACTED for form in _spellings(secret)
    }
    return _redact(value, sorted(spellings, key=len, reverse=True)) if spellings else value


def _spellings(secret: str) -> set[str]:
    return {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret, safe=""),
        quote_plus(secret),
        base64.b64encode(secret.encode()).decode(),
        base64.urlsafe_b64encode(secret.encode()).decode(),
    }


def _redact(value: Any, spellings: list[str]) -> Any:
    if isinstance(value, str):
        for spelling in spellings:
            value = value.replace(spelling, MASK)
        return value
    if isinstance(value, dict):
        return {_redact(key, spellings): _redact(item, spellings) for key, item in value.items()}
    if isinstance(value, list):
        return [_redact(item, spellings) for item in value]
    if isinstance(value, tuple):
        return tuple(_redact(item, spellings) for item in value)
    return value
