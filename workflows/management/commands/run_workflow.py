"""`manage.py run_workflow WORKFLOW`: start a run, and follow it with --wait; non-zero unless it completed."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows import selectors
from workflows.engine.canonical import json_fault
from workflows.management.named import actor_named, workflow_named
from workflows.models import Run
from workflows.services.runs import run_start
from workflows.services.versions import version_for_ref
from workflows.states import TERMINAL, RunStatus
from workspaces.errors import RunsheetError

LARGEST_INPUT: Final = 16_777_216
FOR_A_PERSON: Final = {
    RunStatus.PAUSED: "It waits for an answer; it goes on when somebody gives it.",
    RunStatus.NEEDS_DECISION: "Nobody knows whether a block took effect; somebody has to decide.",
}
"""Not ended, but nothing more comes of waiting."""

SHORTEST_LOOK_SECONDS: Final = 0.02
LONGEST_LOOK_SECONDS: Final = 0.5
NOT_COMPLETED, WAITS_FOR_A_PERSON, INTERRUPTED = 1, 3, 130


class Command(BaseCommand):
    """The blocks run in the workers. Ctrl-C ends the waiting, not the run."""

    help = (
        "Start a run and print its id. With --wait follow it: exits 0 when it completed, 1 when it failed or was "
        "cancelled, 3 when it waits for a person."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What to run, and with what."""
        parser.add_argument("workflow", help="Name or id of the workflow.")
        parser.add_argument(
            "--workspace", help="Slug or name. Needed when several workspaces have such a workflow."
        )
        parser.add_argument("--ref", default="live", help="Which version: a ref, or draft (default: live).")
        parser.add_argument(
            "--input", default="{}", help='JSON: {"name": "Ada"}; @FILE reads it from a file, @- from stdin.'
        )
        parser.add_argument("--user", help="Username of the member who starts it, for the audit log.")
        parser.add_argument("--wait", action="store_true", help="Follow the run until it ends.")
        parser.add_argument("--json", action="store_true", help="Answer for programs, on one line.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Start it, say so, and wait if asked to."""
        workflow = workflow_named(options["workflow"], options["workspace"])
        actor = actor_named(options["user"], workflow.workspace, "run_workflow")
        try:
            run, _ = run_start(
                workflow=workflow,
                version=version_for_ref(workflow, options["ref"], actor),
                input=_input(options["input"]),
                actor=actor,
                trigger_kind="command",
            )
        except RunsheetError as fault:
            raise CommandError(fault.detail) from None
        if not options["wait"]:
            self._tell(run, as_json=options["json"])
            return
        if not options["json"]:
            self.stdout.write(str(run.pk))
            self.stdout.flush()
        try:
            _follow(run)
        except KeyboardInterrupt:
            self.stderr.write(f"Not waiting any longer. The run {run.pk} goes on.")
            sys.exit(INTERRUPTED)
        ended = selectors.run_of(workflow.workspace_id, run.pk)
        self._tell(ended, as_json=options["json"], followed=True)
        sys.exit(_exit_code(ended.status))

    def _tell(self, run: Run, *, as_json: bool, followed: bool = False) -> None:
        if as_json:
            told = {"run": str(run.pk), "status": run.status, "result": run.result, "error": run.error}
            self.stdout.write(json.dumps(told))
        elif not followed:
            self.stdout.write(str(run.pk))
        else:
            self.stdout.write(f"{run.status}{_because(run)}")
            if run.result is not None:
                self.stdout.write(json.dumps(run.result, indent=2, ensure_ascii=False))


def _input(written: str) -> dict[str, Any]:
    """The input as JSON. Raises ``CommandError``."""
    try:
        text = _read(written.removeprefix("@")) if written.startswith("@") else written
        given = json.loads(text)
    except OSError as fault:
        raise CommandError(f"--input: {fault.filename}: {fault.strerror}") from None
    except (ValueError, RecursionError) as fault:
        raise CommandError(f"--input: not JSON: {fault}") from None
    if not isinstance(given, dict):
        raise CommandError('--input: Give an object, such as {"name": "Ada"}.')
    if (refused := json_fault(given)) is not None:
        raise CommandError(f"--input: {refused[1]}.")
    return given


def _read(name: str) -> str:
    if name == "-":
        return sys.stdin.read(LARGEST_INPUT)
    with Path(name).open(encoding="utf-8") as file:
        return file.read(LARGEST_INPUT)


def _follow(run: Run) -> None:
    """Look at the status, ever more rarely, until nothing more comes of waiting."""
    pause = SHORTEST_LOOK_SECONDS
    while (status := RunStatus(selectors.run_status(run.pk))) not in TERMINAL and status not in FOR_A_PERSON:
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_LOOK_SECONDS)


def _because(run: Run) -> str:
    """``: what went wrong``, or what it waits for."""
    if run.error:
        return f": {run.error.get('message', '')}"
    waits = FOR_A_PERSON.get(RunStatus(run.status))
    return f": {waits}" if waits else ""


def _exit_code(status: str) -> int:
    if status == RunStatus.COMPLETED:
        return 0
    return WAITS_FOR_A_PERSON if RunStatus(status) in FOR_A_PERSON else NOT_COMPLETED
