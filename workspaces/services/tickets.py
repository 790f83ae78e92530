"""One-time tickets: how a browser or program without a cookie opens a websocket."""

import datetime as dt
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from workspaces.models import ApiToken, SocketTicket, User, Workspace
from workspaces.tokens import TICKET_PREFIX, key_hash, key_make

TICKET_TTL_SECONDS: Final = 60
BEHIND: Final = "."
"""Between a ticket's random part and the id of the token that asked for it, which the stored hash covers as well."""


def ticket_create(*, workspace: Workspace, user: User, token: ApiToken | None = None) -> str:
    """Make a ticket that opens one socket within `TICKET_TTL_SECONDS`; returns its plaintext.

    `token` is what the caller was let in by, if by one: what it opens closes with it.
    Not audited: a ticket changes nothing and dies in a minute. Forgotten ones of the same person go.
    """
    plaintext = key_make(TICKET_PREFIX).plaintext
    if token is not None:
        plaintext += BEHIND + token.pk.hex
    with transaction.atomic():
        SocketTicket.objects.expired().filter(user=user).delete()
        SocketTicket.objects.create(
            workspace=workspace,
            user=user,
            sha256=key_hash(plaintext),
            expires_at=Now() + dt.timedelta(seconds=TICKET_TTL_SECONDS),
        )
    return plaintext


def ticket_token(redeemed: str) -> UUID | None:
    """The id of the token that asked for a ticket which has been redeemed; `None` if a signed-in person did."""
    _, _, token = redeemed.partition(BEHIND)
    return UUID(token) if token else None


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
