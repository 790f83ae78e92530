"""A workspace with a workflow, and Celery's messages kept in a list.

Django is imported inside the fixtures: pytest reads this file before the services and settings stand.
"""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    """Every test calls as if it were the first."""
    from workflows.api.hook_throttling import DELIVERIES, KNOCKS
    from workspaces.api.throttling import CALLERS

    for limiter in (CALLERS, DELIVERIES, KNOCKS):
        limiter._paid_at.clear()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[Any]]]:
    """What would have gone to the broker, as (task, arguments)."""
    from celery import current_app

    messages: list[tuple[str, list[Any]]] = []
    monkeypatch.setattr(
        current_app._get_current_object(), "send_task", lambda name, args, **_: messages.append((name, args))
    )
    return messages


@pytest.fixture
def workspace(db: None) -> Any:
    from tests.integration.workflows.people import workspace_of

    return workspace_of("ada")


@pytest.fixture
def workflow(workspace: Any, sent: Any) -> Any:
    from tests.integration.workflows.people import greeting

    return greeting(workspace)


@pytest.fixture
def client(workspace: Any) -> Any:
    from tests.integration.workflows.people import client_of

    return client_of(workspace)


@pytest.fixture
def taker(workspace: Any, sent: Any) -> Any:
    """A workflow that a hook can start."""
    from tests.integration.workflows.sender import taking

    return taking(workspace)


@pytest.fixture
def hook(taker: Any) -> Any:
    """A hook of it, and its secret."""
    from tests.integration.workflows.people import ACTOR
    from workflows.services.hooks import hook_create

    return hook_create(workflow=taker, name="shop", actor=ACTOR)
