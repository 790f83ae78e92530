"""The list of tables: how big, what fills them, how their runs stand, what they cost; and a sample to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery, Sum
from django.db.models.functions import JSONObject
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.generic.base import TemplateView, View

from tables.models import Column, Dispatch, RowExecution, Table, WorkflowGroup
from tables.selectors import tables_of
from tables.services.samples import sample_create
from tables.states import ACTIVE_DISPATCH, CellStatus, DispatchStatus
from workspaces.pages.access import WorkspacePageMixin, actor_of
from workspaces.states import Role

SHOWN: Final = 200
CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class State:
    """A pill: `name` picks colour and sign, `word` says it."""

    name: Literal["running", "failed", "done", "cancelled", "queued"]
    word: str


class TablesPage(WorkspacePageMixin, TemplateView):
    """`/`, with `?q=` in names and `?archived=1`. Three queries whatever the number of tables."""

    template_name = "runsheet/tables.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the tables, newest activity first."""
        query, archived = self.request.GET.get("q", "").strip(), "archived" in self.request.GET
        tables = tables_of(self.workspace.pk, archived=archived)
        found = list(_listed(tables.filter(name__icontains=query) if query else tables)[: SHOWN + 1])
        counts = _cell_counts(found)
        for table in found:
            last: Mapping[str, Any] = table.last or {}  # type: ignore[attr-defined]  # annotated
            table.state = state_of(last.get("status"), counts.get(table.pk, {}), percent_of(last))  # type: ignore[attr-defined]
            table.cost = money(table.cost_this_month)  # type: ignore[attr-defined]
        role = Role(self.membership.role)
        return super().get_context_data(
            section="tables",
            tables=found[:SHOWN],
            more=len(found) > SHOWN,
            query=query,
            archived=archived,
            is_first=not (found or query or archived),
            may_edit=role.rank >= Role.EDITOR.rank,
            may_archive=role is Role.ADMIN,
            **kwargs,
        )


class SampleView(WorkspacePageMixin, View):
    """`POST /tables/sample/`: make the sample table and go there."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Make it, or find the one there is."""
        if Role(self.membership.role).rank < Role.EDITOR.rank:
            raise PermissionDenied
        table = sample_create(workspace=self.workspace, actor=actor_of(request))
        return HttpResponseRedirect(f"{reverse('table-page', args=[table.pk])}?workspace={self.workspace.pk}")


def state_of(last_status: str | None, counts: Mapping[str, int], percent: int | None = None) -> State:
    """Sum a table up in one pill: running beats failed beats how the last dispatch ended."""
    if last_status in ACTIVE_DISPATCH or counts.get(CellStatus.RUNNING):
        return State("running", "Running" if percent is None else f"{percent}%")
    if failed := counts.get(CellStatus.FAILED):
        return State("failed", f"{failed:,} failed")
    if last_status == DispatchStatus.CANCELLED:
        return State("cancelled", "Stopped")
    return State("done", "Done") if last_status else State("queued", "Idle")


def percent_of(dispatch: Mapping[str, Any]) -> int | None:
    """How far an active dispatch over all of a table is, by its closed windows; `None` while that cannot be said."""
    cells = (dispatch.get("rows") or 0) * len(dispatch.get("groups") or ())
    if dispatch.get("status") not in ACTIVE_DISPATCH or dispatch["limit"] or not cells:
        return None
    done = sum(dispatch[name] for name in _ENDED) + sum(dispatch["skipped"].values())
    return min(99, int(100 * done / cells)) if done else None


def money(amount: Decimal | None) -> str:
    """`$38.20`; what is less than a cent is said to be."""
    if not amount:
        return ""
    return f"${amount:,.2f}" if amount >= CENT else "< $0.01"


_ENDED: Final = ("completed", "failed", "cancelled")


def _listed(tables: QuerySet[Table]) -> QuerySet[Table]:
    leftmost = Column.objects.filter(group=OuterRef("pk")).order_by("ordinal").values("ordinal")[:1]
    dispatches = Dispatch.objects.filter(table=OuterRef("pk"))
    latest = dispatches.order_by("-id")
    shown = {name: name for name in ("status", "groups", "skipped", *_ENDED)}
    spent = dispatches.filter(requested_at__gte=_month()).order_by().values("table").annotate(sum=Sum("cost"))
    return (
        tables.prefetch_related(Prefetch("groups", WorkflowGroup.objects.order_by(Subquery(leftmost), "id")))
        .annotate(
            last_run_at=Subquery(latest.values("requested_at")[:1]),
            last=Subquery(latest.values(json=JSONObject(rows="rows_total", limit="row_limit", **shown))[:1]),
            cost_this_month=Subquery(spent.values("sum")),
        )
        .order_by("-updated_at", "-id")
    )


def _month() -> datetime:
    return timezone.localtime().replace(day=1, hour=0, minute=0, second=0, microsecond=0)


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
