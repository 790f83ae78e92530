"""Names for versions: set, deleted, and guarded by whoever relies on them (W2).

``workflows`` does not know who uses a ref. Apps above it register a *guard*, which names its users; a ref or a
workflow that some guard speaks up for is not taken away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import transaction

from workflows.engine.names import is_ref_name
from workflows.errors import RefInUse, RefNameInvalid, RefNotFound, WorkflowInUse, WorkflowStale
from workflows.models import Workflow, WorkflowRef, WorkflowVersion
from workspaces.actors import Actor
from workspaces.services.audit import audit_record

DRAFT: Final = "draft"

RefGuard = Callable[[UUID, str | None], Sequence[str]]
"""``(workflow id, ref name)`` → names of its users; ``None`` as ref asks for users of the workflow at all."""

_guards: list[RefGuard] = []

RefMoved = Callable[[UUID, str], None]
"""``(workflow id, ref name)``: called in the transaction that pointed the ref at another version."""

_movers: list[RefMoved] = []


RefCounts = Callable[[UUID, str], Mapping[str, int]]
"""``(workflow id, ref name)`` → how many of what, such as ``{"triggers": 2}``."""

WorkflowArchived = Callable[[UUID], object]
"""``workflow id``: called in the transaction that put the workflow away, when all else is done."""


@dataclass(frozen=True, slots=True)
class RefFollower:
    """What goes with a ref: ``count`` says how much it would be, ``remove`` deletes it in the ref's transaction."""

    count: RefCounts
    remove: RefCounts


_followers: list[RefFollower] = []
_archived: list[WorkflowArchived] = []


def follow_refs(follower: RefFollower) -> None:
    """Have ``follower`` take away what stands and falls with a ref; registered once, when the app starts."""
    if follower not in _followers:
        _followers.append(follower)


def on_workflow_archived(told: WorkflowArchived) -> None:
    """Have ``told`` called when a workflow is put away; registered once, when the app starts."""
    if told not in _archived:
        _archived.append(told)


def on_ref_moved(told: RefMoved) -> None:
    """Have ``told`` called when a ref comes to mean another version; registered once, when the app starts."""
    if told not in _movers:
        _movers.append(told)


def guard_refs(guard: RefGuard) -> None:
    """Have ``guard`` asked before a ref or a workflow goes; registered once, when the app starts."""
    if guard not in _guards:
        _guards.append(guard)


def ref_set(
    *,
    workflow: Workflow,
    name: str,
    version: WorkflowVersion,
    actor: Actor,
    unchanged_from: int | None = None,
) -> WorkflowRef:
    """Point a ref at a version of the same workflow, making it if need be.

    Raises ``RefNameInvalid``, and ``WorkflowStale`` unless it points at the version numbered ``unchanged_from``.
    """
    name_check(name)
    with transaction.atomic():
        held = WorkflowRef.objects.filter(workflow=workflow, name=name).select_related("version")
        before = held.select_for_update(of=("self",)).first()
        if unchanged_from is not None and (before is None or before.version.number != unchanged_from):
            raise WorkflowStale("Somebody moved this ref since you read it. Look at it again.")
        ref, _ = WorkflowRef.objects.update_or_create(
            workflow=workflow, name=name, defaults={"version": version}
        )
        audit_record(
            workspace_id=workflow.workspace_id,
            actor=actor,
            action="ref.set",
            target=workflow,
            before=None if before is None else {"ref": name, "version": before.version.number},
            after={"ref": name, "version": version.number},
        )
        if before is not None and before.version_id != version.pk:
            for told in _movers:
                told(workflow.pk, name)
    return ref


def ref_delete(*, workflow: Workflow, name: str, actor: Actor) -> dict[str, int]:
    """Take a ref away, with what follows it; how many of what, as ``ref_takes_along`` would have said.

    Raises ``RefNotFound``, and ``RefInUse`` naming the workflow groups that use it.
    """
    with transaction.atomic():
        ref = WorkflowRef.objects.select_for_update().filter(workflow=workflow, name=name).first()
        if ref is None:
            raise RefNotFound
        if users := _users(workflow.pk, name):
            raise RefInUse(f"Used by {', '.join(users)}. Point the group at another ref first.", groups=users)
        gone = _total(follower.remove(workflow.pk, name) for follower in _followers)
        audit_record(
            workspace_id=workflow.workspace_id,
            actor=actor,
            action="ref.deleted",
            target=workflow,
            before={"ref": name, **gone},
        )
        ref.delete()
    return gone


def ref_takes_along(workflow_id: UUID, name: str) -> dict[str, int]:
    """What deleting a ref would delete with it: ``{"triggers": n, "invocations": n}``."""
    return _total(follower.count(workflow_id, name) for follower in _followers)


def workflow_archived_tell(workflow_id: UUID) -> None:
    """Tell whoever follows workflows that this one was put away, in the caller's transaction."""
    for told in _archived:
        told(workflow_id)


def workflow_unused(workflow_id: UUID) -> None:
    """Raise ``WorkflowInUse`` when some workflow group runs this workflow, naming the groups."""
    if users := _users(workflow_id, None):
        raise WorkflowInUse(
            f"Used by {', '.join(users)}. Point them at another workflow first.", groups=users
        )


def name_check(name: str) -> None:
    """Raise ``RefNameInvalid`` unless ``name`` may be stored as a ref; ``draft`` is the draft and never stored."""
    if name == DRAFT:
        raise RefNameInvalid("'draft' always means the draft itself; choose another name.")
    if not is_ref_name(name):
        raise RefNameInvalid


def _total(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def _users(workflow_id: UUID, name: str | None) -> list[str]:
    return [user for guard in _guards for user in guard(workflow_id, name)]
