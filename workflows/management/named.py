"""Who and what a command line names: a workspace, a workflow of it, the person to answer for the change."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.core.management.base import CommandError
from django.db.models import Q, QuerySet

from workflows.models import Workflow
from workspaces.actors import Actor
from workspaces.models import Membership, Workspace

FEW: Final = 20


def workspace_named(named: str | None) -> Workspace:
    """The workspace of that slug or name; the only one when none is named. Raises ``CommandError``."""
    found = list(_workspaces(named)[:2]) if named else list(Workspace.objects.all()[:2])
    if len(found) == 1:
        return found[0]
    known = ", ".join(Workspace.objects.values_list("slug", flat=True)[:FEW]) or "none yet"
    raise CommandError(f"Name one workspace with --workspace. There are: {known}.")


def workflow_named(named: str, workspace: str | None) -> Workflow:
    """The one living workflow of that name or id. Raises ``CommandError``."""
    found = Workflow.objects.filter(archived_at=None).select_related("workspace")
    if workspace is not None:
        found = found.filter(workspace__in=_workspaces(workspace))
    identity = _uuid(named)
    matching = list(found.filter(name=named) if identity is None else found.filter(pk=identity))
    if len(matching) == 1:
        return matching[0]
    if matching:
        spaces = ", ".join(sorted(workflow.workspace.slug for workflow in matching))
        raise CommandError(
            f"Several workspaces have a workflow “{named}”: {spaces}. Name one with --workspace."
        )
    known = ", ".join(found.order_by("name").values_list("name", flat=True)[:FEW]) or "none yet"
    raise CommandError(f"There is no workflow “{named}”. There are: {known}.")


def actor_named(user: str | None, workspace: Workspace, command: str) -> Actor:
    """The actor of the audit log: a member, by username, or the command itself. Raises ``CommandError``."""
    if user is None:
        return Actor.system(command)
    places = Membership.objects.filter(workspace=workspace, user__username=user, user__is_active=True)
    place = places.select_related("user").first()
    if place is None:
        raise CommandError(f"--user: {user} is not a member of {workspace.slug}.")
    return Actor(user_id=place.user_id, label=f"{place.user.get_username()} ({command})")


def _workspaces(named: str) -> QuerySet[Workspace]:
    return Workspace.objects.filter(Q(slug=named) | Q(name=named))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
