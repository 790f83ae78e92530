"""Who there is, what they own together, and what each may do in it."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

from workspaces.ids import uuid7
from workspaces.states import Role

SLUG_LENGTH = 63
SLUG_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"


class Workspace(models.Model):
    """Owner of tables, workflows, triggers and secrets. `slug` names it in addresses and headers."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=200)
    slug = models.SlugField(
        max_length=SLUG_LENGTH,
        unique=True,
        validators=[RegexValidator(SLUG_PATTERN, "Use small letters, digits and single hyphens.")],
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(name="workspace_name_given", condition=~models.Q(name="")),
            models.CheckConstraint(name="workspace_slug_form", condition=models.Q(slug__regex=SLUG_PATTERN)),
        ]

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A person who can sign in. What they may do stands in their memberships, never here."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    last_workspace = models.ForeignKey(
        Workspace, null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )

    @property
    def label(self) -> str:
        """The name shown to others."""
        return self.get_full_name() or self.get_username()


class Membership(models.Model):
    """One person's place in one workspace."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="membership_once", fields=["workspace", "user"]),
            models.CheckConstraint(name="membership_role", condition=models.Q(role__in=Role.values)),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace} ({self.role})"
