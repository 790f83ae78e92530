"""The websocket of one table: `/ws/tables/{id}/?since=<seq>`."""

from __future__ import annotations

from uuid import UUID

from tables.events import stream_key
from tables.live.access import may_watch
from tables.live.coalesce import TableNews
from workspaces.live.access import Visitor
from workspaces.live.consumers import LiveConsumer


class TableConsumer(LiveConsumer):
    """Who may watch a table, and how its events are told."""

    @property
    def watched_id(self) -> UUID:
        """The table."""
        found: UUID = self.scope["url_route"]["kwargs"]["table_id"]
        return found

    def topic(self) -> str:
        """Its log (T33)."""
        return stream_key(self.watched_id)

    def news(self) -> TableNews:
        """Coalesced, and thinned when there is too much (T34)."""
        return TableNews()

    def may_watch(self, visitor: Visitor) -> bool:
        """Members of the living table's workspace."""
        return may_watch(visitor, self.watched_id)
