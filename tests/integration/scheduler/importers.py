"""Calls of the commands that bring triggers in, and their answers."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.bed.factories import workspace_make
from tests.bed.triggers import person_make
from workspaces.models import User, Workspace


class Importer:
    """A member of a workspace at the command line."""

    def __init__(self, folder: Path, role: str = "editor") -> None:
        self.folder = folder
        self.workspace: Workspace = workspace_make("Importing")
        self.user: User = person_make(self.workspace, role)

    def run(self, command: str, *arguments: str, **options: Any) -> tuple[int, dict[str, Any]]:
        """Its exit code, and what it told programs."""
        out = StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command(command, *arguments, **self._who(), json=True, stdout=out, **options)
        return int(ended.value.code or 0), json.loads(out.getvalue())

    def say(self, command: str, *arguments: str, **options: Any) -> str:
        """What it told people."""
        out = StringIO()
        with pytest.raises(SystemExit):
            call_command(command, *arguments, **self._who(), stdout=out, **options)
        return out.getvalue()

    def file(self, document: Any, name: str = "given.json") -> Path:
        """A file that holds it as JSON."""
        path = self.folder / name
        path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        return path

    def _who(self) -> dict[str, str]:
        return {"workspace": self.workspace.slug, "user": self.user.get_username()}


@pytest.fixture
def importer(tmp_path: Path) -> Importer:
    """An editor."""
    return Importer(tmp_path)


def actions(told: dict[str, Any]) -> dict[str, str]:
    """By source: what became of it, with the reason if it was skipped."""
    return {each["source"]: f"{each['action']} {each['reason']}".strip() for each in told["triggers"]}
