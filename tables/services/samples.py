"""The sample table of an empty workspace: two workflow groups that need no key, no network and no money."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction

from tables.models import Table
from tables.selectors import tables_of
from tables.services.groups import group_create
from tables.services.rows import rows_insert
from tables.services.schema import table_create
from workflows.models import Workflow
from workflows.selectors import workflows_of
from workflows.services.definitions import publish, workflow_create
from workspaces.actors import Actor
from workspaces.models import Workspace

NAME: Final = "Sample: sign-ups"

_COLUMNS: Final = (
    {"name": "Name", "type": "text"},
    {"name": "Email", "type": "email"},
    {"name": "Seats", "type": "number"},
)
_PEOPLE: Final = (
    ("ada lovelace", "ada@analytical.example", 12),
    ("Grace Hopper", "grace@compilers.example", 140),
    ("KATHERINE JOHNSON", "katherine@orbits.example", 8),
    ("alan turing", "alan@machines.example", 33),
    ("Hedy Lamarr", "hedy@spectrum.example", 3),
    ("edsger dijkstra", "edsger@shortest-path.example", 55),
    ("Barbara Liskov", "barbara@substitution.example", 210),
    ("margaret hamilton", "margaret@apollo.example", 76),
    ("John Backus", "john@fortran.example", 1),
    ("radia perlman", "radia@spanning-tree.example", 98),
    ("Donald Knuth", "don@literate.example", 4),
    ("frances allen", "fran@optimise.example", 61),
)
_TIDY: Final = {
    "first_name": "{{ (input.name | title | split)[0] }}",
    "company": "{{ (((input.email | split('@'))[1] | split('.'))[0] | replace('-', ' ')) | title }}",
    "plan": "{{ 'Enterprise' if input.seats >= 100 else 'Team' if input.seats >= 10 else 'Starter' }}",
}
_LETTER: Final = {
    "greeting": "Hello {{ input.first_name }}, welcome to {{ input.plan }}. How are things at {{ input.company }}?"
}


def sample_create(*, workspace: Workspace, actor: Actor) -> Table:
    """Make the sample table with its workflows and rows, and run nothing; the one there is, if there is one.

    Raises ``WorkflowNameTaken`` while somebody's own workflow has the name of one of ours and no ``live``.
    """
    with transaction.atomic():
        Workspace.objects.select_for_update().get(pk=workspace.pk)
        known = tables_of(workspace.pk).filter(name=NAME).first()
        if known is not None:
            return known
        table = table_create(
            workspace=workspace,
            name=NAME,
            actor=actor,
            description="Twelve invented people. Press Run all and watch the columns on the right fill.",
            columns=_COLUMNS,
        )
        _group(table, actor, "Tidy up", _TIDY, ("Name", "Email", "Seats"), ("First name", "Company", "Plan"))
        _group(table, actor, "Write greeting", _LETTER, ("First name", "Company", "Plan"), ("Greeting",))
        names = [column["name"] for column in _COLUMNS]
        rows_insert(table=table, rows=[dict(zip(names, each, strict=True)) for each in _PEOPLE], actor=actor)
    table.refresh_from_db()
    return table


def _group(
    table: Table,
    actor: Actor,
    name: str,
    fields: Mapping[str, str],
    reads: tuple[str, ...],
    fills: tuple[str, ...],
) -> None:
    """A workflow group that fills columns of the names of its workflow's fields from columns of the names it reads."""
    workflow = _workflow(table.workspace, actor, f"{name} (sample)", fields)
    group_create(
        table=table,
        name=name,
        workflow=workflow.pk,
        inputs={column.lower().replace(" ", "_"): {"column": column} for column in reads},
        outputs=[
            {"path": f"result.{field}", "column": {"name": column}}
            for field, column in zip(fields, fills, strict=True)
        ],
        depends_on=reads,
        actor=actor,
    )


def _workflow(workspace: Workspace, actor: Actor, name: str, fields: Mapping[str, str]) -> Workflow:
    """The workflow of this name as ``live``, from an earlier sample or new. The short wait is there to be seen."""
    known = workflows_of(workspace.pk).filter(name=name, refs__name="live").first()
    if known is not None:
        return known
    blocks: list[dict[str, Any]] = [
        {"key": "start", "type": "start", "config": {}},
        {"key": "pause", "type": "wait", "config": {"seconds": 0.5}},
        {"key": "write", "type": "set", "config": {"fields": dict(fields)}},
    ]
    edges = [{"from": "start", "to": "pause"}, {"from": "pause", "to": "write"}]
    made = workflow_create(
        workspace=workspace, name=name, actor=actor, definition={"blocks": blocks, "edges": edges}
    )
    publish(workflow=made, ref="live", actor=actor, note="As the sample brings it.")
    return made
