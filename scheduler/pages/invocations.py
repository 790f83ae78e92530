"""`/invocations/` and `/triggers/{id}/invocations/`: each firing, how it went, and what can be done about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.http import Http404
from django.urls import reverse
from django.utils.http import urlencode
from django.views.generic.base import TemplateView

from scheduler.models import Invocation, InvocationQuerySet, Trigger
from scheduler.pages.rights import may_make, may_run
from scheduler.pages.trigger_form import trigger_here
from scheduler.pages.words import SOURCE_WORDS, STATUS_WORDS, status_pill, why
from scheduler.states import IN_FLIGHT, SCHEDULED_SOURCES, InvocationStatus
from tables.models import Dispatch
from workflows.pages.run_words import Pill
from workspaces.api.pagination import keyset_page
from workspaces.errors import Invalid
from workspaces.models import Membership
from workspaces.pages.access import WorkspacePageMixin

SHOWN: Final = 50
NAMED: Final = ("status", "source")
ACTIVE: Final = "active"
"""What is not over, whatever its status."""
FILTERS: Final = (
    ("", "All"),
    (ACTIVE, "Under way"),
    (InvocationStatus.COMPLETED, "Done"),
    (InvocationStatus.FAILED, "Failed"),
    (InvocationStatus.SKIPPED, "Skipped"),
    (InvocationStatus.MISSED, "Missed"),
    (InvocationStatus.CANCELLED, "Cancelled"),
)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the list. ``late`` and ``took`` are seconds; ``late`` only of what the schedule fired."""

    invocation: Invocation
    pill: Pill
    source: str
    by: str
    why: str
    child: tuple[str, str] | None
    late: float | None
    took: float | None
    in_flight: bool
    may_cancel: bool
    may_rerun: bool


class InvocationsPage(WorkspacePageMixin, TemplateView):
    """What every trigger of the workspace did, newest first. A constant number of queries."""

    template_name = "runsheet/invocations.html"
    order: tuple[str, ...] = ("-id",)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add one page of invocations, and where the next one and the filters lead."""
        trigger = self.trigger(**kwargs)
        query = {name: self.request.GET[name] for name in NAMED if self.request.GET.get(name)}
        try:
            page = keyset_page(
                self._filtered(trigger, query),
                order=self.order,
                limit=SHOWN,
                after=self.request.GET.get("after"),
            )
        except Invalid as fault:
            raise Http404("There is no such page.") from fault
        tables = _tables(page.rows)
        here = {"workspace": str(self.workspace.pk)} if "workspace" in self.request.GET else {}
        return super().get_context_data(
            section="triggers",
            trigger=trigger,
            items=[_item(invocation, self.membership, tables) for invocation in page.rows],
            filters=[
                (word, urlencode({**here, **_with_status(query, status)}), status == query.get("status", ""))
                for status, word in FILTERS
            ],
            sources=SOURCE_WORDS.items(),
            query=query,
            next=page.next and urlencode({**here, **query, "after": page.next}),
            **kwargs,
        )

    def trigger(self, **kwargs: Any) -> Trigger | None:
        """The one trigger this is about, if it is about one."""
        return None

    def _filtered(self, trigger: Trigger | None, query: dict[str, str]) -> InvocationQuerySet:
        found = Invocation.objects.filter(workspace_id=self.workspace.pk)
        if trigger is not None:
            found = found.filter(trigger=trigger)
        if "status" in query:
            found = found.filter(status__in=_statuses(query["status"]))
        if "source" in query:
            if query["source"] not in SOURCE_WORDS:
                raise Http404("There is no such source.")
            found = found.filter(source=query["source"])
        return found.select_related("trigger", "requested_by").defer(
            "resolved_payload", "rendered_message", "trigger__payload", "trigger__message_template"
        )


class TriggerInvocationsPage(InvocationsPage):
    """The same of one trigger, by slot."""

    order = ("-scheduled_for", "-id")

    def trigger(self, **kwargs: Any) -> Trigger:
        """The trigger of the path; a foreign one is a missing page."""
        return trigger_here(self.workspace.pk, kwargs["trigger_id"])


def _statuses(named: str) -> list[str]:
    if named == ACTIVE:
        return sorted(IN_FLIGHT)
    if named in STATUS_WORDS:
        return [named]
    raise Http404("There is no such status.")


def _with_status(query: dict[str, str], status: str) -> dict[str, str]:
    rest = {name: value for name, value in query.items() if name != "status"}
    return {**rest, "status": status} if status else rest


def _tables(invocations: Iterable[Invocation]) -> dict[str, UUID]:
    """The table of each dispatch that is the last thing an invocation started."""
    last = [invocation.children[-1] for invocation in invocations if invocation.children]
    return {
        str(pk): table for pk, table in Dispatch.objects.filter(pk__in=last).values_list("pk", "table_id")
    }


def _item(invocation: Invocation, membership: Membership, tables: Mapping[str, UUID]) -> Item:
    in_flight = invocation.status in IN_FLIGHT
    started, ended = invocation.started_at, invocation.completed_at
    scheduled = invocation.source in SCHEDULED_SOURCES
    trigger = invocation.trigger
    return Item(
        invocation=invocation,
        pill=status_pill(invocation.status),
        source=SOURCE_WORDS[invocation.source],
        by=invocation.requested_by.label if invocation.requested_by else "",
        why=why(invocation),
        child=_child(invocation, tables),
        late=(started - invocation.scheduled_for).total_seconds() if started and scheduled else None,
        took=(ended - started).total_seconds() if started and ended else None,
        in_flight=in_flight,
        may_cancel=in_flight and may_make(membership),
        may_rerun=not in_flight and may_run(membership, trigger),
    )


def _child(invocation: Invocation, tables: Mapping[str, UUID]) -> tuple[str, str] | None:
    """Where what it started is shown, and the word for it: the newest attempt's run, or its dispatch's table.

    Not by the trigger's target, which may have been changed since: only a run has a version.
    """
    if not invocation.children:
        return None
    last = str(invocation.children[-1])
    if invocation.resolved_ref is not None:
        return reverse("run-page", args=[last]), "View run"
    return (reverse("table-page", args=[tables[last]]), "View table") if last in tables else None
