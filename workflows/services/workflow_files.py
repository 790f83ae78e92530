"""Workflows from files: what a push would change, every fault of it by file and block, and the push itself.

A push is one transaction over all its files, and is refused as a whole while one of them has an error. It makes and
changes workflows, found by their name, and never deletes one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction

from workflows.engine.meaning import content_hash
from workflows.engine.types import Severity
from workflows.engine.yaml_form import WorkflowText, YamlFault, from_yaml, to_yaml
from workflows.models import Workflow, WorkflowRef
from workflows.selectors import workflows_of
from workflows.services.definitions import definition_check, publish, workflow_create, workflow_update
from workspaces.actors import Actor
from workspaces.models import Workspace

LONGEST_NAME: Final = 200
LONGEST_DESCRIPTION: Final = 10_000


@dataclass(frozen=True, slots=True)
class FileFault:
    """One thing wrong with a file; a warning stops nothing. ``line`` counts from 1, where it is known."""

    file: str
    message: str
    line: int | None = None
    block: str | None = None
    field: str | None = None
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        """As compilers write it: ``greeting.yaml:9: block say, config.value: …``."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        inside = ", ".join(part for part in (self.block and f"block {self.block}", self.field) if part)
        warning = "warning: " if self.severity is Severity.WARNING else ""
        return (
            f"{place}: {warning}{inside}: {self.message}" if inside else f"{place}: {warning}{self.message}"
        )

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "file": self.file,
            "line": self.line,
            "block": self.block,
            "field": self.field,
            "message": self.message,
            "severity": str(self.severity),
        }


@dataclass(frozen=True, slots=True)
class Change:
    """What one file would do: make a workflow (none is there), change it, or nothing (an empty ``diff``)."""

    file: str
    text: WorkflowText
    workflow: Workflow | None
    diff: str

    @property
    def action(self) -> str:
        """``create``, ``update`` or ``none``."""
        if self.workflow is None:
            return "create"
        return "update" if self.diff else "none"


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of a change. ``version`` is what the ref points at, when one was asked for; ``published`` if anew."""

    change: Change
    workflow: Workflow
    version: int | None = None
    published: bool = False


def workflow_text(workflow: Workflow, *, definition: Any = None, of: str = "draft") -> str:
    """A workflow as a file: its draft, or another definition of it. Its refs stand in the comment on top.

    ``workflow`` comes from ``selectors``, with its refs.
    """
    refs = ", ".join(f"{ref.name} → version {ref.version.number}" for ref in workflow.refs.all())
    comment = f"As of its {of}. Refs: {refs or 'none'}."
    shown = workflow.draft if definition is None else definition
    return to_yaml(workflow.name, workflow.description, shown, comment=comment)


def push_plan(
    *, workspace: Workspace, files: Iterable[tuple[str, str]], create: bool = False
) -> tuple[list[Change], list[FileFault]]:
    """What pushing ``(file name, text)`` would change, and every fault. Changes nothing.

    ``create`` allows workflows that are not there yet.
    """
    changes: list[Change] = []
    faults: list[FileFault] = []
    taken: dict[str, str] = {}
    for file, written in files:
        try:
            text = from_yaml(written)
        except YamlFault as fault:
            faults.append(FileFault(file, str(fault)))
            continue
        workflow = workflows_of(workspace.pk).filter(name=text.name).first()
        if text.name in taken:
            faults.append(FileFault(file, f"{taken[text.name]} names the workflow {text.name!r} too"))
        elif workflow is None and not create:
            faults.append(FileFault(file, f"there is no workflow {text.name!r} yet; --create makes it"))
        taken.setdefault(text.name, file)
        faults += _text_faults(workspace, file, text)
        changes.append(Change(file, text, workflow, _diff(file, text, workflow)))
    return changes, faults


def push_apply(
    *, workspace: Workspace, changes: Sequence[Change], actor: Actor, ref: str | None = None, note: str = ""
) -> list[Pushed]:
    """Make and change the workflows, and publish each under ``ref`` when one is named; all of it or nothing.

    A ref that points at that meaning already is left alone. Raises what the services of workflows raise.
    """
    with transaction.atomic():
        return [_push(workspace, change, actor, ref, note) for change in changes]


def _push(workspace: Workspace, change: Change, actor: Actor, ref: str | None, note: str) -> Pushed:
    text, workflow = change.text, change.workflow
    if workflow is None:
        workflow = workflow_create(
            workspace=workspace,
            name=text.name,
            description=text.description,
            definition=text.definition,
            actor=actor,
        )
    elif change.diff:
        workflow = workflow_update(
            workflow=workflow, description=text.description, definition=text.definition, actor=actor
        )
    if ref is None:
        return Pushed(change, workflow)
    meaning = content_hash(definition_check(workspace, text.definition).definition)
    there = WorkflowRef.objects.filter(workflow=workflow, name=ref, version__content_hash=meaning)
    present = there.select_related("version").first()
    if present is not None:
        return Pushed(change, workflow, present.version.number)
    made = publish(workflow=workflow, ref=ref, actor=actor, note=note)
    return Pushed(change, workflow, made.version.number, published=True)


def _text_faults(workspace: Workspace, file: str, text: WorkflowText) -> Iterator[FileFault]:
    if len(text.name) > LONGEST_NAME:
        yield FileFault(file, f"a name has at most {LONGEST_NAME} characters", field="name")
    if len(text.description) > LONGEST_DESCRIPTION:
        yield FileFault(
            file, f"a description has at most {LONGEST_DESCRIPTION:,} characters", field="description"
        )
    for fault in definition_check(workspace, text.definition).faults:
        line = text.lines.get(fault.block) if fault.block else None
        yield FileFault(file, fault.message, line, fault.block, fault.field, fault.severity)


def _diff(file: str, text: WorkflowText, workflow: Workflow | None) -> str:
    """From what is stored to what the file says, both in the one spelling: comments and layout do not count."""
    before = "" if workflow is None else to_yaml(workflow.name, workflow.description, workflow.draft)
    after = to_yaml(text.name, text.description, text.definition)
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"stored: {text.name}", file
    )
    return "".join(lines)
