"""Reads of this app. A foreign or unknown workspace reads as `None`: outsiders learn nothing from it."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q, QuerySet

from workspaces.models import ApiToken, AuditEvent, Membership, Secret, User, Workspace
from workspaces.secrets import decrypt
from workspaces.tokens import key_hash


def membership_for(user_id: UUID, workspace_id: UUID) -> Membership | None:
    """The place of an active user in a workspace, with user and workspace loaded; `None` for outsiders."""
    return _places().filter(user_id=user_id, workspace_id=workspace_id).first()


def membership_of_token(token: ApiToken) -> Membership | None:
    """The place its owner still has in its workspace; user and workspace are those ``token_live`` loaded."""
    place = Membership.objects.filter(user_id=token.user_id, workspace_id=token.workspace_id).first()
    if place is not None:
        place.user, place.workspace = token.user, token.workspace
    return place


def membership_named(user_id: UUID, name: str) -> Membership | None:
    """The same, the workspace named by its id or slug."""
    if "\x00" in name:  # from an address; no text in PostgreSQL can be compared with it
        return None
    return _places().filter(_named(name), user_id=user_id).first()


def membership_default(user: User) -> Membership | None:
    """Where a person works when nothing is named: their last workspace, else the one joined last."""
    places = _places().filter(user_id=user.pk)
    last = user.last_workspace_id and places.filter(workspace_id=user.last_workspace_id).first()
    return last or places.order_by("-created_at", "-id").first()


def memberships_of(user_id: UUID) -> list[Membership]:
    """Every place of a person, by the name of the workspace."""
    return list(_places().filter(user_id=user_id).order_by("workspace__name", "id"))


def members_of(workspace: Workspace) -> QuerySet[Membership]:
    """Everyone in a workspace, those with a closed account too, with their user."""
    return Membership.objects.filter(workspace_id=workspace.pk).select_related("user")


def tokens_of(workspace: Workspace) -> QuerySet[ApiToken]:
    """All tokens of a workspace, dead ones too, with their owner."""
    return ApiToken.objects.filter(workspace_id=workspace.pk).select_related("user")


def secrets_of(workspace: Workspace) -> QuerySet[Secret]:
    """All secrets of a workspace, encrypted as they are."""
    return Secret.objects.filter(workspace_id=workspace.pk)


def audit_of(workspace: Workspace) -> QuerySet[AuditEvent]:
    """The audit log of a workspace, to be ordered and paged by the caller."""
    return AuditEvent.objects.filter(workspace_id=workspace.pk)


def token_live(plaintext: str) -> ApiToken | None:
    """The token this plaintext opens, with its user and workspace, if it may be used now."""
    return (
        ApiToken.objects.live()
        .select_related("user", "workspace")
        .filter(sha256=key_hash(plaintext), user__is_active=True)
        .first()
    )


def secret_values(workspace_id: UUID, names: Iterable[str]) -> dict[str, str]:
    """Plain values of the named secrets; unknown names are left out. Raises `SecretUnreadable`."""
    rows = Secret.objects.filter(workspace_id=workspace_id, name__in=list(names))
    return {secret.name: decrypt(secret.ciphertext) for secret in rows}


def secret_names(workspace_id: UUID) -> set[str]:
    """Names of all secrets of a workspace, for checking references."""
    return set(Secret.objects.filter(workspace_id=workspace_id).values_list("name", flat=True))


def _places() -> QuerySet[Membership]:
    return Membership.objects.select_related("user", "workspace").filter(user__is_active=True)


def _named(name: str) -> Q:
    try:
        return Q(workspace_id=UUID(name))
    except ValueError:
        return Q(workspace__slug=name)
