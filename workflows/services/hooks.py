"""Inbound hooks: making, rotating and closing them, and taking deliveries in (trust.md 12).

A secret is shown by the call that makes it and never again. A delivery is trusted by its signature alone, taken once
by the unique index over its id, and starts its run in the transaction that remembers it: neither without the other.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from workflows.engine.webhook_signature import SECRET_BYTES, SignedDelivery, delivery_fault, secret_text
from workflows.errors import HookInputUnfit, HookNotFound, HookSignatureInvalid
from workflows.models import Hook, HookDelivery, Workflow
from workflows.services.refs import name_check
from workflows.services.runs import run_start
from workflows.services.versions import compiled_version, declared_inputs, version_for_ref
from workspaces.actors import Actor
from workspaces.errors import IdempotencyMismatch, Invalid
from workspaces.secrets import decrypt, encrypt, rotate
from workspaces.services.audit import audit_record
from workspaces.services.secrets import on_rotation

PAYLOAD: Final = "payload"
"""The one input a hook gives to its runs: the body of the delivery."""

PREVIOUS_SECONDS: Final = 86_400
"""How long the secret before stays valid beside a new one, unless said otherwise."""

DELIVERIES_KEPT: Final = timedelta(days=2)
"""Far beyond the five minutes in which a replay could still pass for fresh; senders retry with a new timestamp."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery that was taken: the run it started, now or (not ``first``) when it came before."""

    run_id: UUID | None
    first: bool


def hook_create(*, workflow: Workflow, name: str, actor: Actor, ref: str = "live") -> tuple[Hook, str]:
    """Make a hook; the second value is its secret, which nobody can get again.

    Raises ``Invalid``, ``RefNameInvalid`` (the draft too: what strangers start is published), ``RefNotFound``, and
    ``HookInputUnfit`` when the version cannot begin with a payload alone.
    """
    name_check(ref)
    _check_inputs(workflow, ref)
    secret = secret_text(os.urandom(SECRET_BYTES))
    with transaction.atomic():
        hook = Hook.objects.create(
            workflow=workflow,
            ref=ref,
            name=_name(name),
            ciphertext=encrypt(secret),
            created_by_id=actor.user_id,
        )
        hook.refresh_from_db()
        after = {"name": hook.name, "ref": ref, "workflow": str(workflow.pk)}
        _audit(hook, actor, "hook.created", after=after)
    return hook, secret


def hook_update(*, hook: Hook, actor: Actor, **changes: Any) -> Hook:
    """Change ``name`` and/or ``enabled``; a hook that is not enabled answers as if it did not exist."""
    if "name" in changes:
        changes["name"] = _name(changes["name"])
    with transaction.atomic():
        row = _locked(hook)
        before = {field: getattr(row, field) for field in changes}
        for field, value in changes.items():
            setattr(row, field, value)
        row.save(update_fields=list(changes))
        _audit(row, actor, "hook.updated", before=before, after=changes)
    return row


def hook_rotate(
    *, hook: Hook, actor: Actor, now: datetime, previous_seconds: int = PREVIOUS_SECONDS
) -> tuple[Hook, str]:
    """Give the hook a new secret (the second value); the present one stays valid for ``previous_seconds``.

    An older one that was still valid ends now: two are active at most. With 0 the present one ends at once.
    """
    secret = secret_text(os.urandom(SECRET_BYTES))
    with transaction.atomic():
        row = _locked(hook)
        keep = previous_seconds > 0
        row.previous_ciphertext = row.ciphertext if keep else None
        row.previous_valid_until = now + timedelta(seconds=previous_seconds) if keep else None
        row.ciphertext = encrypt(secret)
        row.save(update_fields=["ciphertext", "previous_ciphertext", "previous_valid_until"])
        _audit(row, actor, "hook.rotated", after={"name": row.name, "previous_seconds": previous_seconds})
    return row, secret


def hook_delete(*, hook: Hook, actor: Actor) -> None:
    """Delete a hook and what it remembers of its deliveries; its runs stay."""
    with transaction.atomic():
        _audit(hook, actor, "hook.deleted", before={"name": hook.name, "ref": hook.ref})
        hook.delete()


def hook_open(hook_id: UUID) -> Hook:
    """The hook that takes deliveries at this id. Raises ``HookNotFound``, for a closed one just as for none."""
    found = Hook.objects.open().select_related("workflow__workspace").filter(pk=hook_id).first()
    if found is None:
        raise HookNotFound
    return found


def delivery_verify(hook: Hook, delivery: SignedDelivery, *, now: datetime) -> None:
    """Raise ``HookSignatureInvalid``, saying why, unless the delivery is signed and fresh."""
    fault = delivery_fault(delivery, _secrets(hook, now), now=now.timestamp())
    if fault is not None:
        raise HookSignatureInvalid(fault)


def delivery_take(*, hook: Hook, delivery: SignedDelivery, payload: Any, actor: Actor) -> Taken:
    """Start the hook's run for a verified delivery, once per message.

    Of two at once the second waits on the unique index and is answered with the first one's run. Raises
    ``IdempotencyMismatch`` (the same message with another body) and what starting raises; then nothing is
    remembered, and the sender may try again.
    """
    body_sha256 = hashlib.sha256(delivery.body).hexdigest()
    with transaction.atomic():
        row, first = HookDelivery.objects.get_or_create(
            hook=hook, replay_id=delivery.id, defaults={"body_sha256": body_sha256}
        )
        if not first:
            if row.body_sha256 != body_sha256:
                raise IdempotencyMismatch("This webhook-id came before with another body.")
            return Taken(row.run_id, first=False)
        run, _ = run_start(
            workflow=hook.workflow,
            version=version_for_ref(hook.workflow, hook.ref),
            input={PAYLOAD: payload},
            actor=actor,
            trigger_kind="hook",
        )
        HookDelivery.objects.filter(pk=row.pk).update(run_id=run.pk)
    Hook.objects.touch(hook.pk)
    return Taken(run.pk, first=True)


def hook_deliveries_prune(now: datetime) -> int:
    """Forget deliveries older than two days, and secrets whose time beside a newer one is over; how many deliveries.

    For the periodic clean-up. Safe to run anywhere, at any time, several at once.
    """
    Hook.objects.filter(previous_valid_until__lte=now).update(
        previous_ciphertext=None, previous_valid_until=None
    )
    return HookDelivery.objects.filter(received_at__lt=now - DELIVERIES_KEPT).delete()[0]


def hook_secrets_rotate(*, batch: int = 200) -> int:
    """Encrypt every hook's secrets again with the newest key; how many hooks. Raises ``SecretUnreadable``.

    Guarded like the workspace secrets': one replaced meanwhile keeps its new ciphertext.
    """
    done = 0
    for hook in Hook.objects.order_by("pk").iterator(chunk_size=batch):
        previous = hook.previous_ciphertext
        same = Hook.objects.filter(pk=hook.pk, ciphertext=hook.ciphertext, previous_ciphertext=previous)
        done += same.update(
            ciphertext=rotate(hook.ciphertext),
            previous_ciphertext=None if previous is None else rotate(previous),
        )
    return done


on_rotation(hook_secrets_rotate)


def _secrets(hook: Hook, now: datetime) -> Sequence[str]:
    """The secrets that are valid now: the present one, and for a while the one before."""
    until = hook.previous_valid_until
    if hook.previous_ciphertext is None or until is None or until <= now:
        return [decrypt(hook.ciphertext)]
    return [decrypt(hook.ciphertext), decrypt(hook.previous_ciphertext)]


def _check_inputs(workflow: Workflow, ref: str) -> None:
    """Raise ``HookInputUnfit`` unless the ref's version, as it is now, can begin with a payload and nothing else."""
    declared = declared_inputs(compiled_version(version_for_ref(workflow, ref).pk))
    if declared is None:
        return
    if PAYLOAD not in declared:
        raise HookInputUnfit(
            f"The start block declares inputs, but not '{PAYLOAD}', in which a hook hands the body over. "
            f"Declare it, or leave the declaration open."
        )
    needed = [
        name
        for name, field in declared.items()
        if name != PAYLOAD and field.required and field.default is None
    ]
    if needed:
        raise HookInputUnfit(
            f"A hook gives the input '{PAYLOAD}' only, but the start block requires {', '.join(needed)} too. "
            f"Give them defaults.",
            inputs=needed,
        )


def _locked(hook: Hook) -> Hook:
    row = Hook.objects.select_for_update(of=("self",)).select_related("workflow").filter(pk=hook.pk).first()
    if row is None:
        raise HookNotFound
    return row


def _name(name: str) -> str:
    name = name.strip()
    if not name:
        raise Invalid(errors={"name": ["Give the hook a name."]})
    return name


def _audit(hook: Hook, actor: Actor, action: str, **change: dict[str, Any]) -> None:
    audit_record(workspace_id=hook.workflow.workspace_id, actor=actor, action=action, target=hook, **change)
