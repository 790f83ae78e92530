"""`/runs/`: what ran in a workspace, newest first, with what can be done about what did not end well (W30)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Count
from django.http import Http404
from django.utils import timezone
from django.utils.http import urlencode
from django.views.generic.base import TemplateView

from workflows.engine.scopes import block_of
from workflows.models import Run, Step, WorkflowVersion
from workflows.pages.run_words import RUN_WORDS, Pill, pill_of, started_by
from workflows.run_filters import runs_filtered
from workflows.selectors import runs_of, workflows_of
from workflows.states import ACTIVE, RESUMABLE, STEP_FINISHED, RunStatus
from workspaces.api.pagination import keyset_page
from workspaces.errors import Invalid
from workspaces.pages.access import WorkspacePageMixin
from workspaces.states import Role

SHOWN: Final = 50
PICKED_WORKFLOWS: Final = 200
NARROWED: Final = ("workflow", "table", "dispatch")
"""What else than a status a list may be narrowed by, each an id."""

FILTERS: Final = (
    ("", "All"),
    (RunStatus.RUNNING, "Running"),
    (RunStatus.WAITING, "Waiting"),
    (RunStatus.PAUSED, "Paused"),
    (RunStatus.NEEDS_DECISION, "Needs decision"),
    (RunStatus.FAILED, "Failed"),
    (RunStatus.CANCELLED, "Cancelled"),
)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the list."""

    run: Run
    pill: Pill
    by: str
    done: int
    blocks: int
    took: timedelta | None
    may_resume: bool
    may_rerun: bool

    @property
    def short(self) -> str:
        """What a run is called on lists: ids of one moment begin alike."""
        return str(self.run.pk)[-6:]


class RunsPage(WorkspacePageMixin, TemplateView):
    """The list. Six queries whatever it shows."""

    template_name = "runsheet/runs.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add one page of runs, and where the next one and the filters lead."""
        query = {name: self.request.GET[name] for name in ("status", *NARROWED) if self.request.GET.get(name)}
        runs = self._filtered(query)
        try:
            page = keyset_page(runs, order=["-id"], limit=SHOWN, after=self.request.GET.get("after"))
        except Invalid as fault:
            raise Http404("There is no such page.") from fault
        here = {"workspace": str(self.workspace.pk)} if "workspace" in self.request.GET else {}
        return super().get_context_data(
            section="runs",
            items=_items(page.rows),
            filters=[
                (word, urlencode({**here, **query, "status": status} if status else {**here, **_without(query)}),
                 status == query.get("status", ""))
                for status, word in FILTERS
            ],
            workflows=workflows_of(self.workspace.pk).order_by("name").values("id", "name")[:PICKED_WORKFLOWS],
            query=query,
            next=page.next and urlencode({**here, **query, "after": page.next}),
            may_run=Role(self.membership.role).rank >= Role.EDITOR.rank,
            **kwargs,
        )  # fmt: skip

    def _filtered(self, query: dict[str, str]) -> Any:
        runs = runs_of(self.workspace.pk)
        if "status" in query:
            if query["status"] not in RUN_WORDS:
                raise Http404("There is no such status.")
            runs = runs.filter(status=query["status"])
        try:
            return runs_filtered(runs, {name: UUID(query[name]) for name in NARROWED if name in query})
        except (ValueError, Invalid) as fault:
            raise Http404("There is no such workflow or table.") from fault


def _without(query: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name != "status"}


def _items(runs: list[Run]) -> list[Item]:
    """The lines, with how far each run is: two queries for all of them."""
    blocks = _blocks({run.version_id for run in runs})
    done = _done([run.pk for run in runs])
    now = timezone.now()
    return [
        Item(
            run=run,
            pill=pill_of(run),
            by=started_by(run),
            done=done[run.pk],
            blocks=max(blocks.get(run.version_id, 0), done[run.pk]),
            took=(run.finished_at or (now if run.status in ACTIVE else None) or run.started_at)
            - run.started_at
            if run.started_at
            else None,
            may_resume=run.status in RESUMABLE,
            may_rerun=run.status == RunStatus.CANCELLED,
        )
        for run in runs
    ]


def _blocks(versions: set[UUID]) -> dict[UUID, int]:
    """How many blocks take part in each version."""
    found = WorkflowVersion.objects.filter(pk__in=versions).values_list("pk", "definition")
    return {
        pk: sum(block.get("enabled", True) and block.get("type") != "note" for block in definition["blocks"])
        for pk, definition in found
    }


def _done(runs: list[UUID]) -> Counter[UUID]:
    """How many blocks of each run have finished in some scope."""
    finished = Step.objects.filter(run_id__in=runs, status__in=STEP_FINISHED)
    top = (
        finished.exclude(step_key__contains="/")
        .values_list("run_id")
        .annotate(n=Count("step_key"))
        .order_by()
    )
    done = Counter(dict(top))
    inside = finished.filter(step_key__contains="/").values_list("run_id", "step_key")
    for run_id, _ in {(run_id, block_of(key)) for run_id, key in inside[:20_000]}:
        done[run_id] += 1
    return done
