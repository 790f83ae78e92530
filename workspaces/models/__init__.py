"""Rows of the workspaces app."""

from workspaces.models.access import ApiToken, SocketTicket
from workspaces.models.audit import AuditEvent
from workspaces.models.idempotency import IdempotencyKey
from workspaces.models.people import Membership, User, Workspace
from workspaces.models.secrets import Secret

__all__ = [
    "ApiToken",
    "AuditEvent",
    "IdempotencyKey",
    "Membership",
    "Secret",
    "SocketTicket",
    "User",
    "Workspace",
]
