"""The list of tables: how big, what fills them, how their runs stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery
from django.views.generic.base import TemplateView

from tables.models import Column, Dispatch, RowExecution, Table, WorkflowGroup
from tables.selectors import tables_of
from tables.states import ACTIVE_DISPATCH, CellStatus, DispatchStatus
from workspaces.pages.access import WorkspacePageMixin
from workspaces.states import Role

SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class State:
    """A pill: `name` picks colour and sign, `word` says it."""

    name: Literal["running", "failed", "done", "cancelled", "queued"]
    word: str


class TablesPage(WorkspacePageMixin, TemplateView):
    """`/`. Three queries whatever the number of tables."""

    template_name = "runsheet/tables.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the tables, newest activity first."""
        found = list(_listed(tables_of(self.workspace.pk))[: SHOWN + 1])
        counts = _cell_counts(found)
        for table in found:
            table.state = state_of(table.last_status, counts.get(table.pk, {}))  # type: ignore[attr-defined]
        return super().get_context_data(
            section="tables",
            tables=found[:SHOWN],
            more=len(found) > SHOWN,
            may_edit=Role(self.membership.role).rank >= Role.EDITOR.rank,
            **kwargs,
        )


def state_of(last_status: str | None, counts: dict[str, int]) -> State:
    """Sum a table up in one pill: running beats failed beats how the last dispatch ended."""
    if last_status in ACTIVE_DISPATCH or counts.get(CellStatus.RUNNING):
        return State("running", "Running")
    if failed := counts.get(CellStatus.FAILED):
        return State("failed", f"{failed:,} failed")
    if last_status == DispatchStatus.CANCELLED:
        return State("cancelled", "Stopped")
    return State("done", "Done") if last_status else State("queued", "Idle")


def _listed(tables: QuerySet[Table]) -> QuerySet[Table]:
    leftmost = Column.objects.filter(group=OuterRef("pk")).order_by("ordinal").values("ordinal")[:1]
    latest = Dispatch.objects.filter(table=OuterRef("pk")).order_by("-id")
    return (
        tables.prefetch_related(Prefetch("groups", WorkflowGroup.objects.order_by(Subquery(leftmost), "id")))
        .annotate(
            last_run_at=Subquery(latest.values("requested_at")[:1]),
            last_status=Subquery(latest.values("status")[:1]),
        )
        .order_by("-updated_at", "-id")
    )


def _cell_counts(tables: list[Table]) -> dict[Any, dict[str, int]]:
    """Count the cells that matter here; naming the groups lets the index answer without reading every cell."""
    counts: dict[Any, dict[str, int]] = {}
    counted = (
        RowExecution.objects.filter(
            table__in=tables,
            group_id__in=[group.pk for table in tables for group in table.groups.all()],
            status__in=(CellStatus.FAILED, CellStatus.RUNNING),
        )
        .values_list("table_id", "status")
        .annotate(n=Count("id"))
        .order_by()
    )
    for table_id, status, count in counted:
        counts.setdefault(table_id, {})[status] = count
    return counts
