"""One-time tickets: how a browser or program without a cookie opens a websocket."""

import datetime as dt
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from workspaces.models import SocketTicket, User, Workspace
from workspaces.tokens import TICKET_PREFIX, key_hash, key_make

TICKET_TTL_SECONDS: Final = 60


def ticket_create(*, workspace: Workspace, user: User) -> str:
    """Make a ticket that opens one socket within `TICKET_TTL_SECONDS`; returns its plaintext.

    Not audited: a ticket changes nothing and dies in a minute. Forgotten ones of the same person go.
    """
    key = key_make(TICKET_PREFIX)
    with transaction.atomic():
        SocketTicket.objects.expired().filter(user=user).delete()
        SocketTicket.objects.create(
            workspace=workspace,
            user=user,
            sha256=key.sha256,
            expires_at=Now() + dt.timedelta(seconds=TICKET_TTL_SECONDS),
        )
    return key.plaintext


def ticket_redeem(raw: str) -> tuple[UUID, UUID] | None:
    """Use a ticket up: `(user_id, workspace_id)`, or `None` if it is unknown, expired or used.

    The delete is the guard: of two sockets with one ticket, one deletes the row and gets in.
    Membership is not looked at here; ask `selectors.membership_for` before and while serving.
    """
    ticket = SocketTicket.objects.live().filter(sha256=key_hash(raw)).first()
    if ticket is None:
        return None
    deleted, _ = SocketTicket.objects.filter(pk=ticket.pk).delete()
    return (ticket.user_id, ticket.workspace_id) if deleted else None
