"""What a list of runs may be narrowed by, the words of apps above included (`GET /runs/?table=`).

``workflows`` does not know tables: a run only names its owner (W13a). An app above registers, when it starts, what one
of its words means for the runs it owns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Q, QuerySet

from workflows.models import Run
from workspaces.errors import Invalid

RunFilter = Callable[[Any], Q]
"""What was asked for (an id, for apps above) → which runs that means. Other workspaces' runs are left out already."""

_filters: dict[str, RunFilter] = {
    "workflow": lambda workflow: Q(workflow_id=workflow),
    "status": lambda status: Q(status=status),
}


def on_run_filter(name: str, condition: RunFilter) -> None:
    """Have ``?name=<id>`` mean ``condition(id)``; registered once, when the app starts."""
    _filters[name] = condition


def runs_filtered(runs: QuerySet[Run], wanted: Mapping[str, Any]) -> QuerySet[Run]:
    """The runs that meet every filter. Raises ``Invalid`` for one that no app of this install knows."""
    for name, value in wanted.items():
        condition = _filters.get(name)
        if condition is None:
            raise Invalid(errors={name: ["Nothing here knows what runs this means."]})
        runs = runs.filter(condition(value))
    return runs
