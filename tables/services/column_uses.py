"""Who would miss a column: what a person is told before deleting one.

Deleting takes dependencies, inputs and parts of views out (T2). Expressions cannot be rewritten for their author: one
that names a deleted column fails from then on with an error that names it (W5), so they are listed here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tables.engine.types import ColumnSpec, GroupSpec, TableSpec
from tables.engine.view_parts import filter_left, sort_left
from tables.models import View
from workflows.engine.expressions import ExpressionError, Path, compile_expression
from workflows.services.versions import runnable_version
from workspaces.errors import RunsheetError


def column_uses(spec: TableSpec, column: ColumnSpec) -> list[dict[str, Any]]:
    """``[{kind, id, name}]``: ``kind`` is dependency, input, expression, condition, workflow or view."""
    uses: list[dict[str, Any]] = []
    for group in spec.groups:
        uses += [{"kind": kind, "id": str(group.id), "name": group.name} for kind in _kinds(group, column)]
    others = [each for each in spec.columns if each.id != column.id]
    for view in View.objects.filter(table_id=spec.table_id).order_by("name"):
        if filter_left(view.filter, others) != view.filter or sort_left(view.sort, others) != view.sort:
            uses.append({"kind": "view", "id": str(view.pk), "name": view.name})
    return uses


def _kinds(group: GroupSpec, column: ColumnSpec) -> list[str]:
    """How a workflow group uses the column."""
    sources = group.inputs.values()
    expressions = [source["expression"] for source in sources if "expression" in source]
    found = {
        "dependency": column.key in group.depends_on,
        "input": any(source.get("column") == column.key for source in sources),
        "expression": any(_reads(_references(each), column) for each in expressions),
        "condition": bool(group.condition) and _reads(_references(group.condition), column),
        "workflow": _reads(_version_references(group), column),
    }
    return [kind for kind, is_used in found.items() if is_used]


def _reads(references: Iterable[Path], column: ColumnSpec) -> bool:
    return any(path[:2] == ("row", column.key) for path in references)


def _references(source: str) -> Iterable[Path]:
    try:
        return compile_expression(source).references
    except ExpressionError:
        return ()


def _version_references(group: GroupSpec) -> Iterable[Path]:
    try:
        return runnable_version(group.workflow_id, group.ref).references
    except RunsheetError:
        return ()
