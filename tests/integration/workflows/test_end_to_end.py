"""A run from its request to its result, by REST and the task that a worker would run."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.integration.workflows.people import ACTOR, client_of, workspace_of
from workflows.services.definitions import publish, workflow_create
from workflows.services.instances import instance_forget, instance_stop
from workflows.tasks import execute_run
from workspaces.models import Workspace
from workspaces.services.secrets import secret_set

API = "/api/v1"


@pytest.fixture(autouse=True)
def own_instance(transactional_db: None) -> Iterator[None]:
    """This process's row goes with the test's data; the next test registers anew."""
    yield
    instance_stop()
    instance_forget()


@pytest.fixture
def echo(settings: Settings) -> Iterator[str]:
    """A server that answers each request with its own Authorization header, and 404 at /missing."""

    class Echo(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"you": self.headers.get("Authorization")}).encode()
            self.send_response(404 if self.path == "/missing" else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    settings.RUNSHEET_HTTP_ALLOW = [f"127.0.0.1:{server.server_address[1]}"]
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def definition(base_url: str) -> dict[str, Any]:
    auth = {"kind": "bearer", "token": "{{ secrets.TOKEN }}"}
    return {
        "blocks": [
            {
                "key": "start",
                "type": "start",
                "config": {"inputs": {"path": {"type": "text", "default": "here"}}},
            },
            {
                "key": "ask",
                "type": "http",
                "config": {"url": f"{base_url}/{{{{ input.path }}}}", "auth": auth},
            },
            {"key": "good", "type": "condition", "config": {"when": "blocks.ask.status == 200"}},
            {
                "key": "words",
                "type": "python",
                "config": {"function": "join_words", "arguments": {"words": ["went", "{{ input.path }}"]}},
            },
            {"key": "done", "type": "respond", "config": {"value": "{{ blocks.words }}"}},
            {"key": "sorry", "type": "fail", "config": {"message": "Nothing at {{ input.path }}"}},
        ],
        "edges": [
            {"from": "start", "to": "ask"},
            {"from": "ask", "to": "good"},
            {"from": "ask", "handle": "error", "to": "sorry"},
            {"from": "good", "handle": "true", "to": "words"},
            {"from": "words", "to": "done"},
        ],
    }


def run(workspace: Workspace, base_url: str, given: dict[str, Any]) -> tuple[APIClient, dict[str, Any]]:
    secret_set(workspace=workspace, name="TOKEN", value="canary-7f3a", actor=ACTOR)
    made = workflow_create(workspace=workspace, name="W", actor=ACTOR, definition=definition(base_url))
    publish(workflow=made, ref="live", actor=ACTOR)
    client = client_of(workspace)
    queued = client.post(f"{API}/workflows/{made.pk}/runs/", {"input": given}).data
    execute_run(queued["id"])
    return client, client.get(f"{API}/runs/{queued['id']}/").data


@pytest.mark.rule("W3", "W11", "W32")
def test_a_run_goes_from_its_request_to_its_result(echo: str, sent: list[Any]) -> None:
    client, done = run(workspace_of("ada"), echo, {})
    assert (done["status"], done["result"], done["error"]) == ("completed", "went here", None)
    steps = client.get(f"{API}/runs/{done['id']}/steps/").data["results"]
    assert {step["step_key"]: step["status"] for step in steps} == {
        "start": "completed",
        "ask": "completed",
        "good": "completed",
        "words": "completed",
        "done": "completed",
        "sorry": "skipped",
    }


@pytest.mark.rule("W6")
def test_a_secret_that_comes_back_is_nowhere_to_be_read(echo: str, sent: list[Any]) -> None:
    client, done = run(workspace_of("ada"), echo, {})
    seen = client.get(f"{API}/runs/{done['id']}/steps/").content + json.dumps(done, default=str).encode()
    assert b"canary-7f3a" not in seen
    assert b"***" in seen


@pytest.mark.rule("W8", "W11")
def test_a_failed_call_goes_by_its_error_edge(echo: str, sent: list[Any]) -> None:
    _, done = run(workspace_of("ada"), echo, {"path": "missing"})
    assert done["status"] == "failed"
    assert (done["error"]["code"], done["error"]["message"]) == ("failed_on_purpose", "Nothing at missing")
