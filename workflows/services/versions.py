"""From a ref to a version, and from a version to what the executor runs. Versions never change, so they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from workflows.blocks.inputs import InputField, InputInvalid, complete_input
from workflows.blocks.registry import block_types
from workflows.blocks.start import declared_fields
from workflows.engine.definition import parse_definition
from workflows.engine.expressions import Path
from workflows.engine.version import CompiledVersion, DefinitionUnusable, compile_version
from workflows.errors import RefNotFound, RunInputInvalid, VersionNotFound, WorkflowNotFound
from workflows.models import Workflow, WorkflowRef, WorkflowVersion
from workflows.services.definitions import definition_invalid, draft_freeze
from workflows.services.refs import DRAFT
from workflows.states import Effect
from workspaces.actors import Actor
from workspaces.cursors import prepared_cursor

KEPT: Final = 256
"""Compiled versions held per process."""


@dataclass(frozen=True, slots=True)
class RunnableVersion:
    """A version ready to run, with what its runs ask of it time and again.

    ``references`` are the paths its templates and expressions read. ``is_pure`` says that no block of it has an effect
    or a cost, so that a run of it may be worked out again at any time (W15).
    """

    id: UUID
    compiled: CompiledVersion
    references: frozenset[Path]
    is_pure: bool


@lru_cache(maxsize=KEPT)
def compiled_version(version_id: UUID) -> CompiledVersion:
    """A version compiled for running, shared by every run of it in this process.

    Raises ``VersionNotFound``, and ``DefinitionInvalid`` when it needs something that is not installed here (any
    more), such as a block type; a refusal is not remembered.
    """
    definition = WorkflowVersion.objects.filter(pk=version_id).values_list("definition", flat=True).first()
    if definition is None:
        raise VersionNotFound
    try:
        return compile_version(parse_definition(definition)[0], block_types())
    except DefinitionUnusable as error:
        raise definition_invalid(error.faults) from None


def version_for_ref(workflow: Workflow, ref: str, actor: Actor | None = None) -> WorkflowVersion:
    """The version a ref points at now; ``draft`` freezes the draft (W2).

    Raises ``RefNotFound``, ``DefinitionInvalid`` (the draft has faults).
    """
    if ref == DRAFT:
        return draft_freeze(workflow=workflow, actor=actor or Actor.system())
    found = WorkflowRef.objects.select_related("version").filter(workflow=workflow, name=ref).first()
    if found is None:
        raise RefNotFound(f"This workflow has no ref {ref!r}. Publish a version under it first.")
    return found.version


def runnable_version(workflow_id: UUID, ref: str) -> RunnableVersion:
    """What a ref of a living workflow means now, compiled; one query for a stored ref.

    Raises what ``version_for_ref`` does, and ``WorkflowNotFound``; all of them are ``WorkflowError``.
    """
    version_id = _stored_ref(workflow_id, ref) if ref != DRAFT else None
    if version_id is None:
        workflow = (
            Workflow.objects.select_related("workspace").filter(pk=workflow_id, archived_at=None).first()
        )
        if workflow is None:
            raise WorkflowNotFound
        version_id = version_for_ref(workflow, ref).pk
    return _runnable(version_id)


_STORED_REF: Final = """
SELECT r.version_id FROM workflows_workflowref r JOIN workflows_workflow w ON w.id = r.workflow_id
 WHERE r.workflow_id = %s::uuid AND r.name = %s::text AND w.archived_at IS NULL
"""


def _stored_ref(workflow_id: UUID, ref: str) -> UUID | None:
    with prepared_cursor() as cursor:
        cursor.execute(_STORED_REF, [workflow_id, ref])
        found = cursor.fetchone()
    return found[0] if found else None


@lru_cache(maxsize=KEPT)
def _runnable(version_id: UUID) -> RunnableVersion:
    compiled = compiled_version(version_id)
    pure = all(block.effect is Effect.PURE for block in compiled.blocks.values())
    return RunnableVersion(version_id, compiled, compiled.references, pure)


def declared_inputs(compiled: CompiledVersion) -> dict[str, InputField] | None:
    """The inputs a version declares, by name; None when it declares none, so that anything goes."""
    declared: dict[str, InputField] | None = None
    for key in (compiled.root.keys[place] for place in compiled.root.entries):
        block = compiled.blocks[key]
        if block.type.entry and (fields := declared_fields(block.spec.config)) is not None:
            declared = {**(declared or {}), **fields}
    return declared


def input_complete(compiled: CompiledVersion, given: dict[str, Any]) -> dict[str, Any]:
    """``given`` checked against the declared inputs, with defaults filled in. Raises ``RunInputInvalid``."""
    try:
        return complete_input(declared_inputs(compiled), given)
    except InputInvalid as error:
        errors = {f"input.{name}": [fault] for name, fault in error.errors.items()}
        raise RunInputInvalid(f"The input does not fit: {error}", errors=errors) from None
