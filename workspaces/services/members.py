"""Who belongs to a workspace.

Changes lock the workspace row, so that the last admin cannot slip away in a race.
"""

from django.db import transaction

from workspaces.actors import Actor
from workspaces.errors import AlreadyMember, LastAdmin, NotFound
from workspaces.models import ApiToken, Membership, User, Workspace
from workspaces.services.audit import audit_record
from workspaces.states import Role


def member_add(*, workspace: Workspace, user: User, role: Role, actor: Actor) -> Membership:
    """Give a person a place. Raises `AlreadyMember`."""
    with transaction.atomic():
        membership, created = Membership.objects.get_or_create(
            workspace=workspace, user=user, defaults={"role": role}
        )
        if not created:
            raise AlreadyMember
        audit_record(
            workspace_id=workspace.pk,
            actor=actor,
            action="member.added",
            target=membership,
            after={"user": user.get_username(), "role": role},
        )
    return membership


def member_role_change(*, membership: Membership, role: Role, actor: Actor) -> Membership:
    """Change what a member may do. Raises `LastAdmin`; `NotFound` when they left meanwhile."""
    with transaction.atomic():
        row = _locked(membership)
        before = row.role
        if before == Role.ADMIN and role != Role.ADMIN:
            _another_admin_required(row)
        row.role = role
        row.save(update_fields=["role"])
        audit_record(
            workspace_id=row.workspace_id,
            actor=actor,
            action="member.role_changed",
            target=row,
            before={"user": row.user.get_username(), "role": before},
            after={"user": row.user.get_username(), "role": role},
        )
    return row


def member_remove(*, membership: Membership, actor: Actor) -> None:
    """Take a person out and revoke their tokens here. Raises `LastAdmin`; `NotFound` when already gone."""
    with transaction.atomic():
        row = _locked(membership)
        if row.role == Role.ADMIN:
            _another_admin_required(row)
        revoked = ApiToken.objects.filter(workspace_id=row.workspace_id, user_id=row.user_id).revoke()
        audit_record(
            workspace_id=row.workspace_id,
            actor=actor,
            action="member.removed",
            target=row,
            before={"user": row.user.get_username(), "role": row.role},
            after={"tokens_revoked": revoked},
        )
        row.delete()


def _locked(membership: Membership) -> Membership:
    Workspace.objects.select_for_update().get(pk=membership.workspace_id)
    row = Membership.objects.select_related("user").filter(pk=membership.pk).first()
    if row is None:
        raise NotFound("This person is no longer a member.")
    return row


def _another_admin_required(membership: Membership) -> None:
    others = Membership.objects.filter(
        workspace_id=membership.workspace_id, role=Role.ADMIN, user__is_active=True
    ).exclude(pk=membership.pk)
    if not others.exists():
        raise LastAdmin
