"""The audit log's only writer."""

from typing import Any
from uuid import UUID

from django.db import models

from workspaces.actors import Actor
from workspaces.models import AuditEvent


def audit_record(
    *,
    workspace_id: UUID | None,
    actor: Actor,
    action: str,
    target: models.Model,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditEvent:
    """Add one entry: `action` is `<entity>.<fact>` (`member.added`), `before` and `after` plain JSON.

    Call it inside the transaction of the change, so that neither exists without the other. Never
    put a secret, a token or a password into `before` or `after`: nothing can be removed again.
    """
    return AuditEvent.objects.create(
        workspace_id=workspace_id,
        actor_id=actor.user_id,
        actor_label=actor.label[:200],
        token_id=actor.token_id,
        action=action,
        target_type=type(target).__name__.lower(),
        target_id=str(target.pk),
        before=before,
        after=after,
        ip=actor.ip,
        request_id=actor.request_id[:64],
    )
