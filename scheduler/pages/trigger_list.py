"""`/triggers/`: what runs by itself, when next, and how it went (`interface.md` 7.8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils.http import urlencode
from django.views.generic.base import TemplateView

from scheduler.engine.cron import cron_words
from scheduler.models import Trigger
from scheduler.pages.rights import may_change, may_make, may_run
from scheduler.pages.words import held_words, off_pill, off_reason, status_pill, target_detail
from scheduler.selectors import triggers_of
from scheduler.services.health import health
from workflows.pages.run_words import Pill
from workspaces.api.pagination import keyset_page
from workspaces.errors import Invalid
from workspaces.models import Membership
from workspaces.pages.access import WorkspacePageMixin

SHOWN: Final = 50
LATE: Final = timedelta(seconds=60)
"""A slot that passed this long ago and has not fired is called overdue."""

UNREAD: Final = ("payload", "message_template")
"""Large fields that no list shows."""

FILTERS: Final = (("", "All"), ("on", "On"), ("off", "Off"), ("failed", "Failed"))
NAMED: Final = ("state", "q", "workflow", "table")


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the list."""

    trigger: Trigger
    schedule: str
    detail: str
    off: Pill | None
    reason: str
    last: Pill | None
    overdue: bool
    held: str
    may_change: bool
    may_run: bool


class TriggersPage(WorkspacePageMixin, TemplateView):
    """The list. A constant number of queries; no invocation is read."""

    template_name = "runsheet/triggers.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add one page of triggers, and where the next one and the filters lead."""
        query = {name: self.request.GET[name] for name in NAMED if self.request.GET.get(name)}
        try:
            page = keyset_page(
                self._filtered(query), order=["-id"], limit=SHOWN, after=self.request.GET.get("after")
            )
        except Invalid as fault:
            raise Http404("There is no such page.") from fault
        here = {"workspace": str(self.workspace.pk)} if "workspace" in self.request.GET else {}
        return super().get_context_data(
            section="triggers",
            health=health(),
            items=[_item(trigger, self.membership) for trigger in page.rows],
            filters=[
                (word, urlencode({**here, **_with_state(query, state)}), state == query.get("state", ""))
                for state, word in FILTERS
            ],
            query=query,
            next=page.next and urlencode({**here, **query, "after": page.next}),
            may_make=may_make(self.membership),
            **kwargs,
        )

    def _filtered(self, query: dict[str, str]) -> QuerySet[Trigger]:
        triggers = triggers_of(self.workspace.pk).defer(*UNREAD)
        if "state" in query:
            triggers = _in_state(triggers, query["state"])
        if "q" in query:
            words = query["q"].strip()
            triggers = triggers.filter(Q(name__icontains=words) | Q(description__icontains=words))
        for name in ("workflow", "table"):
            if name in query:
                triggers = triggers.filter(**{f"{name}_id": _id(query[name])})
        return triggers


def _in_state(triggers: QuerySet[Trigger], state: str) -> QuerySet[Trigger]:
    if state == "failed":
        return triggers.filter(last_status="failed")
    if state in {"on", "off"}:
        return triggers.filter(enabled=state == "on")
    raise Http404("There is no such state.")


def _with_state(query: dict[str, str], state: str) -> dict[str, str]:
    rest = {name: value for name, value in query.items() if name != "state"}
    return {**rest, "state": state} if state else rest


def _id(written: str) -> UUID:
    try:
        return UUID(written)
    except ValueError as fault:
        raise Http404("There is no such thing.") from fault


def _item(trigger: Trigger, membership: Membership) -> Item:
    due, seen_at = trigger.next_run_at, getattr(trigger, "seen_at", None)
    late = due is not None and seen_at is not None and due < seen_at - LATE
    return Item(
        trigger=trigger,
        schedule=schedule_words(trigger),
        detail=target_detail(trigger),
        off=off_pill(trigger),
        reason=off_reason(trigger),
        last=status_pill(trigger.last_status) if trigger.last_status else None,
        overdue=late,
        held=held_words(trigger),
        may_change=may_change(membership, trigger),
        may_run=may_run(membership, trigger),
    )


def schedule_words(trigger: Trigger) -> str:
    """A cron schedule in words; empty for one that runs once, whose instant is shown in the reader's zone."""
    return "" if trigger.cron_expression is None else cron_words(trigger.cron_expression)
