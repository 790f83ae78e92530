"""Values that workflows use and nobody reads back."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from workspaces.ids import uuid7
from workspaces.models.people import Workspace

SECRET_NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"  # noqa: S105  what `{{secrets.NAME}}` can spell


class Secret(models.Model):
    """One named value of a workspace, encrypted. `version` grows with every new value."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=100)
    ciphertext = models.TextField(editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="secret_name_once", fields=["workspace", "name"]),
            models.CheckConstraint(
                name="secret_name_form", condition=models.Q(name__regex=SECRET_NAME_PATTERN)
            ),
            models.CheckConstraint(name="secret_value_given", condition=~models.Q(ciphertext="")),
        ]

    def __str__(self) -> str:
        return self.name
