"""`/workflows/`: what a workspace can run, who uses it, and how it last went."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, OuterRef, Q, Subquery
from django.http import Http404
from django.utils import timezone
from django.utils.http import urlencode
from django.views.generic.base import TemplateView

from workflows.models import Run, Workflow
from workflows.pages.run_words import Pill, pill_of
from workflows.pages.workflow_templates import TEMPLATES
from workflows.selectors import workflows_of
from workflows.services.uses import uses_of
from workspaces.api.pagination import keyset_page
from workspaces.errors import Invalid
from workspaces.pages.access import WorkspacePageMixin
from workspaces.states import Role

SHOWN: Final = 50
LONGEST_SEARCH: Final = 256
RUN_FIELDS: Final = ("id", "workflow_id", "status", "waits_for", "created_at")


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the list. ``live`` is the number of the version that most people run; ``tables`` by id."""

    workflow: Workflow
    blocks: int
    live: int | None
    refs: list[str]
    tables: dict[str, str]
    run: Run | None
    pill: Pill | None
    today: int


class WorkflowsPage(WorkspacePageMixin, TemplateView):
    """The list. A constant number of queries."""

    template_name = "runsheet/workflows.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add one page of workflows, the newest first, and where the next one leads."""
        sought = self.request.GET.get("q", "")[:LONGEST_SEARCH].strip()
        found = workflows_of(self.workspace.pk)
        if sought:
            found = found.filter(Q(name__icontains=sought) | Q(description__icontains=sought))
        try:
            page = keyset_page(found, order=["-id"], limit=SHOWN, after=self.request.GET.get("after"))
        except Invalid as fault:
            raise Http404("There is no such page.") from fault
        here = {name: self.request.GET[name] for name in ("workspace", "q") if self.request.GET.get(name)}
        role = Role(self.membership.role)
        return super().get_context_data(
            section="workflows",
            items=_items(page.rows),
            sought=sought,
            next=page.next and urlencode({**here, "after": page.next}),
            may_edit=role.rank >= Role.EDITOR.rank,
            may_archive=role.rank >= Role.ADMIN.rank,
            starters=TEMPLATES,
            **kwargs,
        )


def _items(workflows: list[Workflow]) -> list[Item]:
    ids = [workflow.pk for workflow in workflows]
    uses, last, today = uses_of(ids), _last_runs(ids), _runs_today(ids)
    items = []
    for workflow in workflows:
        refs = {ref.name: ref.version.number for ref in workflow.refs.all()}
        run = last.get(workflow.pk)
        items.append(
            Item(
                workflow=workflow,
                blocks=_blocks(workflow.draft),
                live=refs.pop("live", None),
                refs=[f"{name} {number}" for name, number in refs.items()],
                tables={str(use.table): use.table_name for use in uses.get(workflow.pk, ())},
                run=run,
                pill=None if run is None else pill_of(run),
                today=today.get(workflow.pk, 0),
            )
        )
    return items


def _blocks(draft: Any) -> int:
    """How many blocks a draft has; drafts may be anything."""
    blocks = draft.get("blocks") if isinstance(draft, dict) else None
    if not isinstance(blocks, list):
        return 0
    return sum(isinstance(block, dict) and block.get("type") != "note" for block in blocks)


def _last_runs(ids: Collection[UUID]) -> dict[UUID, Run]:
    """The newest run of each workflow."""
    newest = Run.objects.filter(workflow=OuterRef("pk")).order_by("-id").values("pk")[:1]
    chosen = Workflow.objects.filter(pk__in=ids).values(run=Subquery(newest))
    return {run.workflow_id: run for run in Run.objects.filter(pk__in=chosen).only(*RUN_FIELDS)}


def _runs_today(ids: Collection[UUID]) -> dict[UUID, int]:
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    runs = Run.objects.filter(workflow__in=ids, created_at__gte=midnight).order_by()
    return dict(runs.values_list("workflow").annotate(n=Count("pk")))
