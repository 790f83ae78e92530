"""What opens the door besides a session: API tokens for programs, one-time tickets for sockets.

Both are stored as SHA-256 only. A plain hash is right here (and a slow one is not needed): the
plaintext is 256 random bits, so there is nothing to guess.
"""

import datetime as dt
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from workspaces.ids import uuid7
from workspaces.models.people import Workspace
from workspaces.states import Scope

LAST_USED_GRAIN = dt.timedelta(minutes=1)


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """Reads and guarded writes of tokens."""

    def live(self) -> "ApiTokenQuerySet":
        """Tokens that open the door now, by the clock of the database."""
        return self.filter(revoked_at=None).filter(models.Q(expires_at=None) | models.Q(expires_at__gt=Now()))

    def touch(self, token_id: UUID) -> int:
        """Note a use, at most once a minute, so that a busy program does not rewrite one row for ever."""
        stale = models.Q(last_used_at=None) | models.Q(last_used_at__lt=Now() - LAST_USED_GRAIN)
        return self.filter(stale, pk=token_id).update(last_used_at=Now())

    def revoke(self) -> int:
        """Close every token of this set that is not closed yet; returns how many were."""
        return self.filter(revoked_at=None).update(revoked_at=Now())


class ApiToken(models.Model):
    """A program's key to one workspace, in the name of one person and never above that person's role."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="tokens")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    scope = models.CharField(max_length=10, choices=Scope.choices)
    prefix = models.CharField(
        max_length=16, editable=False, help_text="The first characters, to tell tokens apart."
    )
    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = "token"
        indexes: ClassVar = [models.Index(name="token_by_workspace", fields=["workspace", "-created_at"])]
        constraints: ClassVar = [
            models.CheckConstraint(name="token_scope", condition=models.Q(scope__in=Scope.values)),
            models.CheckConstraint(name="token_sha256", condition=models.Q(sha256__regex=r"^[0-9a-f]{64}$")),
            models.CheckConstraint(name="token_name_given", condition=~models.Q(name="")),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class SocketTicketQuerySet(models.QuerySet["SocketTicket"]):
    """Reads of tickets."""

    def live(self) -> "SocketTicketQuerySet":
        """Tickets that may still be redeemed."""
        return self.filter(expires_at__gt=Now())

    def expired(self) -> "SocketTicketQuerySet":
        """Tickets nobody came for."""
        return self.filter(expires_at__lte=Now())


class SocketTicket(models.Model):
    """Opens one websocket once: it stands in an address, so it lives a minute and is deleted when used."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    sha256 = models.CharField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField(db_index=True)

    objects = SocketTicketQuerySet.as_manager()

    def __str__(self) -> str:
        return f"ticket until {self.expires_at:%H:%M:%S}"
