"""Runsheet as its users drive it: over REST, with a token. Used by every benchmark."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from config.supervisor import Stack

BATCH = 1_000

_PERSON = """
from workspaces.actors import Actor
from workspaces.models import Membership, User
from workspaces.services.tokens import token_create
from workspaces.services.workspaces import workspace_create
from workspaces.states import Scope
actor = Actor.system("bench")
user = User.objects.create_user("bench")
workspace = workspace_create(name="Bench", owner=user, actor=actor)
membership = Membership.objects.get(workspace=workspace, user=user)
print(token_create(membership=membership, name="bench", scope=Scope.WRITE, actor=actor)[1])
"""


@dataclass
class Client:
    """A token's view of one install."""

    http: httpx.Client

    def call(self, method: str, path: str, **body: Any) -> Any:
        """One call; anything but 2xx raises with what the server said."""
        answer = self.fetch(method, path, **body)
        return answer.json() if answer.content else None

    def fetch(self, method: str, path: str, **body: Any) -> httpx.Response:
        """The same, up to the last byte: what a client makes of it is not counted among the server's time."""
        answer = self.http.request(method, f"/api/v1{path}", json=body or None)
        if answer.is_error:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer

    def workflow(self, name: str, definition: dict[str, Any]) -> str:
        """A published workflow."""
        made = self.call("POST", "/workflows/", name=name, definition=definition)
        self.call("POST", f"/workflows/{made['id']}/publish/", ref="live", note="bench")
        return str(made["id"])

    def table(self, name: str, rows: int) -> str:
        """A table with a column ``text`` and that many rows."""
        made = self.call("POST", "/tables/", name=name, columns=[{"name": "text", "type": "text"}])
        for start in range(0, rows, BATCH):
            batch = [{"data": {"text": f"row {n}"}} for n in range(start, min(rows, start + BATCH))]
            self.call("POST", f"/tables/{made['id']}/rows/", rows=batch)
        return str(made["id"])

    def group(
        self, table: str, name: str, workflow: str, outputs: Sequence[tuple[str, str]], **more: Any
    ) -> str:
        """A workflow group; ``outputs`` are (path, new text column)."""
        shown = [{"path": path, "column": {"name": column, "type": "text"}} for path, column in outputs]
        made = self.call(
            "POST",
            f"/tables/{table}/groups/",
            name=name,
            workflow=workflow,
            ref="live",
            outputs=shown,
            **more,
        )
        return str(made["id"])

    def run(self, table: str, **body: Any) -> str:
        """Start a dispatch; its id."""
        return str(self.call("POST", f"/tables/{table}/dispatches/", **{"mode": "all", **body})["id"])

    def dispatch(self, dispatch: str) -> dict[str, Any]:
        """A dispatch as it stands."""
        found: dict[str, Any] = self.call("GET", f"/dispatches/{dispatch}/")
        return found

    def wait(self, dispatch: str, timeout: float, every: float = 0.05) -> dict[str, Any]:
        """The dispatch once it has ended; raises ``TimeoutError``."""
        until = time.monotonic() + timeout
        while True:
            found = self.dispatch(dispatch)
            if found["finished_at"]:
                return found
            if time.monotonic() > until:
                raise TimeoutError(f"the dispatch has not ended after {timeout:g} s: {found['progress']}")
            time.sleep(every)


@contextmanager
def client_of(stack: Stack) -> Iterator[Client]:
    """A workspace, a user and a token on a fresh install, and a client that uses them."""
    token = stack.manage("shell", "--no-imports", "-c", _PERSON).strip().splitlines()[-1]
    with httpx.Client(
        base_url=stack.url, headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False
    ) as http:
        yield Client(http)
