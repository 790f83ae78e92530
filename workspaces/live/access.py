"""Who may watch: asked before the first frame and again while a socket lives (`trust.md` 10)."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import cast
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from workspaces.models import ApiToken
from workspaces.selectors import membership_for
from workspaces.services.tickets import ticket_redeem, ticket_token


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who opened a socket; `session_key` is `None` if a ticket did it, which is used up by then."""

    user_id: UUID
    session_key: str | None
    workspace_id: UUID | None
    """The one workspace a ticket is good for."""
    token_id: UUID | None = None
    """The token that asked for the ticket: what it opened ends with it."""


def visitor_by_session(session_key: str | None) -> Visitor | None:
    """Return who is signed in under this session now; `None` once it ended."""
    user_id = _session_user(session_key) if session_key else None
    return None if user_id is None else Visitor(user_id, session_key, None)


def visitor_by_ticket(ticket: str) -> Visitor | None:
    """Use a one-time ticket up; `None` if it opens nothing."""
    redeemed = ticket_redeem(ticket)
    return None if redeemed is None else Visitor(redeemed[0], None, redeemed[1], ticket_token(ticket))


def may_see(visitor: Visitor, workspace_id: UUID | None) -> bool:
    """Tell whether the visitor still is who they were, and a member of the workspace that what they watch is in."""
    if visitor.session_key is not None and _session_user(visitor.session_key) != visitor.user_id:
        return False
    if visitor.token_id is not None and not ApiToken.objects.live().filter(pk=visitor.token_id).exists():
        return False
    if workspace_id is None or visitor.workspace_id not in {None, workspace_id}:
        return False
    return membership_for(visitor.user_id, workspace_id) is not None


def _session_user(session_key: str) -> UUID | None:
    """Read the session anew, as the next page request would, with the check of the password's hash."""
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(cast("HttpRequest", SimpleNamespace(session=store)))
    return user.pk if user.is_authenticated else None
