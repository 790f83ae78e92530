"""Making and revoking API tokens."""

import datetime as dt

from django.db import transaction

from workspaces.actors import Actor
from workspaces.errors import ScopeExceedsRole
from workspaces.models import ApiToken, Membership
from workspaces.services.audit import audit_record
from workspaces.states import LARGEST_SCOPE, Role, Scope
from workspaces.tokens import TOKEN_PREFIX, key_make


def token_create(
    *,
    membership: Membership,
    name: str,
    scope: Scope,
    actor: Actor,
    expires_at: dt.datetime | None = None,
) -> tuple[ApiToken, str]:
    """Make a token for a member; the second value is the plaintext, which nobody can get again.

    Raises `ScopeExceedsRole`.
    """
    if scope.rank > LARGEST_SCOPE[Role(membership.role)].rank:
        raise ScopeExceedsRole(errors={"scope": [f"The role {membership.role} does not reach this far."]})
    key = key_make(TOKEN_PREFIX)
    with transaction.atomic():
        token = ApiToken.objects.create(
            workspace_id=membership.workspace_id,
            user_id=membership.user_id,
            name=name,
            scope=scope,
            prefix=key.shown,
            sha256=key.sha256,
            expires_at=expires_at,
        )
        token.refresh_from_db()
        audit_record(
            workspace_id=token.workspace_id,
            actor=actor,
            action="token.created",
            target=token,
            after={"name": name, "scope": scope, "user": membership.user.get_username()},
        )
    return token, key.plaintext


def token_revoke(*, token: ApiToken, actor: Actor) -> bool:
    """Close a token for good. `False` (and nothing written) when it was closed already."""
    with transaction.atomic():
        if not ApiToken.objects.filter(pk=token.pk).revoke():
            return False
        audit_record(
            workspace_id=token.workspace_id,
            actor=actor,
            action="token.revoked",
            target=token,
            before={"name": token.name, "scope": token.scope},
        )
    return True
