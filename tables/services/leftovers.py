"""What deleted columns and workflow groups leave behind in views and layouts is taken out with them (T2)."""

from __future__ import annotations

from tables.engine.types import TableSpec
from tables.engine.view_parts import filter_left, layout_left, sort_left
from tables.models import Table, View


def leftovers_remove(table: Table, spec: TableSpec) -> None:
    """Take conditions, sort keys and layout entries out that mean nothing under this schema; in its transaction.

    A condition goes too when its column has another type now and no such operator, so that a view never breaks.
    """
    if (layout := layout_left(table.layout, spec.columns)) != table.layout:
        table.layout = layout
        table.save(update_fields=["layout"])
    for view in View.objects.select_for_update().filter(table=table).order_by("id"):
        left = {
            "filter": filter_left(view.filter, spec.columns),
            "sort": sort_left(view.sort, spec.columns),
            "layout": layout_left(view.layout, spec.columns),
        }
        if any(getattr(view, part) != value for part, value in left.items()):
            for part, value in left.items():
                setattr(view, part, value)
            view.save(update_fields=[*left, "updated_at"])
