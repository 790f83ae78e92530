"""Making and changing workspaces, and moving between them."""

import contextlib
import re
from collections.abc import Iterator

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from workspaces.actors import Actor
from workspaces.errors import Invalid, SlugTaken
from workspaces.models import Membership, User, Workspace
from workspaces.models.people import SLUG_LENGTH, SLUG_PATTERN
from workspaces.services.audit import audit_record
from workspaces.states import Role


def workspace_create(*, name: str, owner: User, actor: Actor, slug: str | None = None) -> Workspace:
    """Make a workspace with `owner` as its first admin. Without a slug, one is made from the name.

    Raises `Invalid` (no name) and `SlugTaken` (only for a slug that was asked for).
    """
    with transaction.atomic():
        workspace = _insert(name=_name(name), slug=slug)
        Membership.objects.create(workspace=workspace, user=owner, role=Role.ADMIN)
        audit_record(
            workspace_id=workspace.pk,
            actor=actor,
            action="workspace.created",
            target=workspace,
            after={"name": workspace.name, "slug": workspace.slug, "admin": owner.get_username()},
        )
    return workspace


def workspace_update(
    *, workspace: Workspace, actor: Actor, name: str | None = None, slug: str | None = None
) -> Workspace:
    """Change the name, the slug, or both. Raises `Invalid` (also for neither) and `SlugTaken`."""
    if name is None and slug is None:
        raise Invalid("Name what to change: name, slug.")
    with transaction.atomic():
        row = Workspace.objects.select_for_update().get(pk=workspace.pk)
        before = {"name": row.name, "slug": row.slug}
        row.name = row.name if name is None else _name(name)
        row.slug = row.slug if slug is None else _slug(slug)
        with _slug_may_be_taken():
            row.save(update_fields=["name", "slug"])
        audit_record(
            workspace_id=row.pk,
            actor=actor,
            action="workspace.updated",
            target=row,
            before=before,
            after={"name": row.name, "slug": row.slug},
        )
    return row


def workspace_enter(*, user: User, workspace: Workspace) -> None:
    """Remember where this person works from now on. Not audited: it changes only their own view."""
    User.objects.filter(pk=user.pk).update(last_workspace=workspace)


def _name(name: str) -> str:
    name = name.strip()
    if not name:
        raise Invalid(errors={"name": ["Give the workspace a name."]})
    return name


def _slug(slug: str) -> str:
    if not re.fullmatch(SLUG_PATTERN, slug) or len(slug) > SLUG_LENGTH:
        raise Invalid(errors={"slug": ["Use small letters, digits and single hyphens, at most 63."]})
    return slug


def _insert(*, name: str, slug: str | None) -> Workspace:
    if slug is not None:
        with _slug_may_be_taken():
            return Workspace.objects.create(name=name, slug=_slug(slug))
    stem = slugify(name.replace("_", " "))[: SLUG_LENGTH - 4].strip("-") or "workspace"
    for number in range(1, 1000):
        candidate = stem if number == 1 else f"{stem}-{number}"
        workspace, created = Workspace.objects.get_or_create(slug=candidate, defaults={"name": name})
        if created:
            return workspace
    raise SlugTaken


@contextlib.contextmanager
def _slug_may_be_taken() -> Iterator[None]:
    """A savepoint in which the unique index, not a look beforehand, decides who has a slug."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as fault:
        raise SlugTaken(errors={"slug": [SlugTaken.default_detail()]}) from fault
