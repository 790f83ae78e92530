"""The websocket of a workspace: `/ws/workspace/?since=<seq>&workspace=<id or slug>`.

It tells of runs, jobs, triggers, approvals and of the scheduler's health.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from django.urls import path

from config.workspace_look import LOOK_SECONDS, workspace_look, workspace_topic
from workspaces.live.access import Visitor, may_see
from workspaces.live.consumers import LiveConsumer, in_thread
from workspaces.live.frames import Subscription
from workspaces.live.log import Event
from workspaces.models import User
from workspaces.selectors import membership_default, membership_named


class WorkspaceNews:
    """What the sockets of a workspace are told: the last state of each thing."""

    def told(self, events: list[Event]) -> list[Event]:
        """A batch as it is replayed."""
        return list({(event["kind"], event.get("id")): event for event in events}.values())

    def news(self, events: list[Event], now: float) -> list[Event]:
        """A batch as it is handed to every socket."""
        return self.told(events)

    def shorter(self, events: list[Event]) -> list[Event]:
        """Too much to say: clients read what they show."""
        return []


class WorkspaceConsumer(LiveConsumer):
    """Which workspace, who may watch it, and that somebody looks at it meanwhile."""

    found: UUID

    @property
    def watched_id(self) -> UUID:
        """The workspace, once the visitor was let in."""
        return self.found

    def topic(self) -> str:
        """Its live log."""
        return workspace_topic(self.watched_id)

    def news(self) -> WorkspaceNews:
        """The last state of each thing."""
        return WorkspaceNews()

    def may_watch(self, visitor: Visitor) -> bool:
        """Members; the workspace is the ticket's, else the one named, else the one the person works in."""
        if not hasattr(self, "found"):
            named = self._named(visitor)
            if named is None:
                return False
            self.found = named
        return may_see(visitor, self.found)

    def beside(self, subscription: Subscription) -> list[Coroutine[Any, Any, int]]:
        """Look, and go on looking."""
        return [self._keep_looking()]

    def _named(self, visitor: Visitor) -> UUID | None:
        if visitor.workspace_id is not None:
            return visitor.workspace_id
        names = parse_qs(self.scope["query_string"].decode("ascii", "replace")).get("workspace")
        if names:
            place = membership_named(visitor.user_id, names[0])
        else:
            user = User.objects.filter(pk=visitor.user_id).first()
            place = None if user is None else membership_default(user)
        return None if place is None else place.workspace_id

    async def _keep_looking(self) -> int:
        while True:
            await in_thread(workspace_look, self.watched_id)
            await asyncio.sleep(LOOK_SECONDS)


websocket_urlpatterns = [path("ws/workspace/", WorkspaceConsumer.as_asgi())]
