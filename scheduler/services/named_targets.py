"""Targets by their names, as files and people write them, and back: ids mean nothing in another install."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from scheduler.errors import TriggerInvalid
from scheduler.models import Trigger
from tables.models import Table, WorkflowGroup
from workflows.models import Workflow
from workspaces.models import Workspace


def target_fields(workspace: Workspace, given: Mapping[str, Any]) -> dict[str, Any]:
    """``{workflow, ref?}`` or ``{table, target_options?}``, with names or ids, as fields of ``trigger_create``.

    What is not the target's is handed on as it is. Raises ``TriggerInvalid`` for a name that is nobody's, or several's.
    """
    fields = dict(given)
    if ("workflow" in given) == ("table" in given):
        told = "Name either a workflow or a table."
        raise TriggerInvalid(errors={"workflow": [told], "table": [told]})
    if "workflow" in given:
        return {
            **fields,
            "workflow": _named(Workflow, workspace, "workflow", given["workflow"]),
            "table": None,
        }
    table_id = _named(Table, workspace, "table", given["table"])
    fields |= {"table": table_id, "workflow": None}
    options = given.get("target_options")
    if isinstance(options, Mapping) and isinstance(options.get("groups"), list):
        fields["target_options"] = {**options, "groups": _group_ids(table_id, options["groups"])}
    return fields


def target_names(trigger: Trigger) -> dict[str, Any]:
    """The same the other way round: the target of ``trigger`` by its names."""
    if trigger.workflow is not None:
        return {"workflow": trigger.workflow.name, "ref": trigger.ref}
    assert trigger.table is not None  # a trigger has one of both
    options = dict(trigger.target_options)
    if "groups" in options:
        names = dict(WorkflowGroup.objects.filter(table=trigger.table).values_list("pk", "name"))
        # One that is gone keeps its id: nothing of that name exists, and the import says so.
        options["groups"] = [names.get(UUID(group), group) for group in options["groups"]]
    return {"table": trigger.table.name, "target_options": options}


def _named(kind: type[Workflow | Table], workspace: Workspace, field: str, named: Any) -> UUID:
    """The id of the one living thing of that name or id."""
    living = kind._default_manager.filter(workspace=workspace, archived_at=None)
    identity = uuid_read(named)
    found = list((living.filter(name=str(named)) if identity is None else living.filter(pk=identity))[:2])
    if len(found) == 1:
        only: UUID = found[0].pk
        return only
    told = f"Several are called “{named}”. Give its id." if found else f"There is no {field} “{named}” here."
    raise TriggerInvalid(errors={field: [told]})


def _group_ids(table_id: UUID, groups: list[Any]) -> list[str]:
    known = dict(WorkflowGroup.objects.filter(table_id=table_id).values_list("name", "pk"))
    return [str(known.get(str(group), group)) for group in groups]


def uuid_read(text: Any) -> UUID | None:
    """The id that is written there; None: it is none."""
    try:
        return UUID(str(text))
    except ValueError:
        return None
