"""A workflow that takes deliveries, and a sender that signs them."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from django.test import Client

from tests.integration.workflows.people import ACTOR
from workflows.engine.webhook_signature import signature
from workflows.models import Workflow
from workflows.services.definitions import publish, workflow_create
from workspaces.models import Workspace

API = "/api/v1"
BODY = b'{"order": 7, "lines": ["a", "b"]}'


def taking(
    workspace: Workspace, config: dict[str, Any] | None = None, value: str = "{{ input.payload }}"
) -> Workflow:
    """A workflow that answers with its payload, or something else, published as ``live``."""
    definition = {
        "blocks": [
            {"key": "start", "type": "start", "config": config or {}},
            {"key": "say", "type": "respond", "config": {"value": value}},
        ],
        "edges": [{"from": "start", "to": "say"}],
    }
    made = workflow_create(workspace=workspace, name="Taking", actor=ACTOR, definition=definition)
    publish(workflow=made, ref="live", actor=ACTOR)
    return made


def deliver(hook_id: UUID, secret: str, body: bytes = BODY, **options: Any) -> Any:
    """Post as a sender would; ``options`` alter one thing of it."""
    stamp = str(int(time.time()) + options.get("late", 0))
    name = options.get("name", "msg_1")
    headers = {
        "webhook-id": name,
        "webhook-timestamp": stamp,
        "webhook-signature": signature(secret, name, stamp, body),
        **options.get("headers", {}),
    }
    # Django's own client with CSRF checks on: a hook needs neither cookie nor token.
    return Client(enforce_csrf_checks=True).post(
        f"{API}/hooks/{hook_id}/",
        options.get("sent", body),
        content_type=options.get("content_type", "application/json"),
        headers=headers,
        REMOTE_ADDR=options.get("address", "127.0.0.1"),
    )


def base(workflow: Workflow) -> str:
    """Where a workflow's hooks are kept."""
    return f"{API}/workflows/{workflow.pk}/hooks/"
