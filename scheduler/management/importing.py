"""What the commands that bring triggers in have in common: who does it, how it is told, and the exit code."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser, OutputWrapper
from rich.console import Console
from rich.text import Text

from scheduler.services.importing import Action, Outcome
from workflows.management.named import actor_named, workspace_named
from workspaces.actors import Actor
from workspaces.models import Workspace
from workspaces.selectors import membership_for
from workspaces.states import Role

SKIPPED: Final = 2
"""Exit code of ``--strict`` when something was skipped."""
COLOURS: Final = {
    Action.CREATE: "green",
    Action.UPDATE: "cyan",
    Action.UNCHANGED: "dim",
    Action.SKIP: "yellow",
}


def arguments_add(parser: CommandParser) -> None:
    """Where to, as whom, and how far."""
    parser.add_argument("--workspace", help="Slug or name. Needed when there is more than one workspace.")
    parser.add_argument(
        "--user", required=True, help="Username of the member who makes the triggers, and whom they run as."
    )
    parser.add_argument("--apply", action="store_true", help="Do it; otherwise it is only told.")
    parser.add_argument("--strict", action="store_true", help="Exit with 2 when anything is skipped.")
    parser.add_argument("--json", action="store_true", help="Answer for programs, on one line.")


def importer(options: dict[str, Any], command: str) -> tuple[Workspace, Actor, Role]:
    """The workspace, who acts, and their role there. Raises ``CommandError``."""
    workspace = workspace_named(options["workspace"])
    actor = actor_named(options["user"], workspace, command)
    place = actor.user_id and membership_for(actor.user_id, workspace.pk)
    if not place or Role(place.role).rank < Role.EDITOR.rank:
        raise CommandError(f"--user: {options['user']} may not make triggers in {workspace.slug}.")
    return workspace, actor, Role(place.role)


def document_read(path: Path, option: str) -> Any:
    """The JSON in a file. Raises ``CommandError``."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as unread:
        raise CommandError(f"{option}: {path} cannot be read: {unread}") from unread


def outcomes_tell(outcomes: list[Outcome], stdout: OutputWrapper, *, applied: bool, as_json: bool) -> None:
    """All of them, and how many of each."""
    counts = Counter(outcome.action.value for outcome in outcomes)
    if as_json:
        told = {"applied": applied, "counts": counts, "triggers": [each.as_json() for each in outcomes]}
        stdout.write(json.dumps(told))
        return
    console = Console(file=stdout, highlight=False, soft_wrap=True)  # type: ignore[arg-type]
    width = max((len(outcome.source) for outcome in outcomes), default=0)
    for each in outcomes:
        at = "" if each.next_run_at is None else f"{each.next_run_at:%Y-%m-%d %H:%M:%SZ}"
        why = " ".join(filter(None, (each.reason and f"{each.reason}:", each.words, *each.notes)))
        line = Text(f"{each.action:<10} ", COLOURS[each.action])
        console.print(line.append(f"{each.source:<{width}}  {at:<20}  {why}".rstrip(), "default"))
    summary = ", ".join(f"{count} {action}" for action, count in counts.items()) or "Nothing to bring in"
    console.print(f"{summary}." if applied else f"{summary}. Nothing was changed; --apply does it.")


def exit_code(outcomes: list[Outcome], *, strict: bool) -> int:
    """2 when something was skipped that must not be."""
    return SKIPPED if strict and any(each.action is Action.SKIP for each in outcomes) else 0
