"""Setting, deleting and re-encrypting secrets. A value goes in and never comes out here."""

import re
from collections.abc import Callable

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from workspaces.actors import Actor
from workspaces.errors import Invalid
from workspaces.models import Secret, Workspace
from workspaces.models.secrets import SECRET_NAME_PATTERN
from workspaces.secrets import encrypt, rotate
from workspaces.services.audit import audit_record

LONGEST_VALUE = 32_768

Rotation = Callable[[], int]
"""Encrypts again what an app above keeps with our keys; answers how much that was."""

_rotations: list[Rotation] = []


def secret_set(*, workspace: Workspace, name: str, value: str, actor: Actor) -> tuple[Secret, bool]:
    """Store a value under a name, new (`True`) or in place of the old one (`False`). Raises `Invalid`."""
    _check(name, value)
    ciphertext = encrypt(value)
    with transaction.atomic():
        secret, created = Secret.objects.get_or_create(
            workspace=workspace, name=name, defaults={"ciphertext": ciphertext}
        )
        if not created:
            Secret.objects.filter(pk=secret.pk).update(
                ciphertext=ciphertext, version=F("version") + 1, updated_at=Now()
            )
        secret.refresh_from_db()
        audit_record(
            workspace_id=workspace.pk,
            actor=actor,
            action="secret.created" if created else "secret.replaced",
            target=secret,
            after={"name": name, "version": secret.version},
        )
    return secret, created


def secret_delete(*, secret: Secret, actor: Actor) -> None:
    """Delete a secret. Workflows that name it fail from now on, saying so."""
    with transaction.atomic():
        audit_record(
            workspace_id=secret.workspace_id,
            actor=actor,
            action="secret.deleted",
            target=secret,
            before={"name": secret.name, "version": secret.version},
        )
        secret.delete()


def secrets_rotate(*, batch: int = 200) -> int:
    """Encrypt every secret again with the first key of the ring; returns how many, those of other apps included.

    Safe beside writers: a value replaced meanwhile keeps its new ciphertext (guarded update), which
    the first key made anyway. Raises `SecretUnreadable` when a key of the ring is missing.
    """
    done = 0
    for secret in Secret.objects.order_by("pk").iterator(chunk_size=batch):
        fresh = rotate(secret.ciphertext)
        done += Secret.objects.filter(pk=secret.pk, ciphertext=secret.ciphertext).update(ciphertext=fresh)
    return done + sum(rotation() for rotation in _rotations)


def on_rotation(rotation: Rotation) -> None:
    """Have `rotation` called at every rotation of keys; registered once, when the app above starts."""
    if rotation not in _rotations:
        _rotations.append(rotation)


def _check(name: str, value: str) -> None:
    errors: dict[str, list[str]] = {}
    if not re.fullmatch(SECRET_NAME_PATTERN, name) or len(name) > 100:
        errors["name"] = ["Use letters, digits and _, not starting with a digit, at most 100."]
    if not value:
        errors["value"] = ["Give the secret a value."]
    elif len(value) > LONGEST_VALUE:
        errors["value"] = [f"At most {LONGEST_VALUE:,} characters."]
    if errors:
        raise Invalid(errors=errors)
