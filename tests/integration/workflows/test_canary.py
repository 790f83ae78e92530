"""A secret goes everywhere a value can go, and is nowhere to be found afterwards (W6, S5, S6, S8)."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.db import connection

from tests.bed.engine import Engine, counting, engine, worker
from tests.bed.running import Probe, probe
from tests.integration.workflows.people import ACTOR
from tests.integration.workflows.test_end_to_end import echo
from workflows.models import Run
from workflows.services.reruns import Asked, rerun_plan, rerun_start
from workflows.services.versions import version_for_ref
from workspaces.models import Workspace
from workspaces.services.secrets import secret_set

__all__ = ["echo", "engine", "probe", "worker"]

CANARY = "{{ input.x }}canary-7f3a{% if %}"


def rows_of_every_table() -> dict[str, str]:
    """The whole database as text, by table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        names = [row[0] for row in cursor.fetchall()]
        found = {}
        for name in names:
            cursor.execute(f"SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM \"{name}\" t")
            found[name] = cursor.fetchone()[0]
    return found


@pytest.mark.rule("W6", "S5", "S6", "S8")
def test_a_secret_that_looks_like_a_template_stays_literal_and_is_kept_nowhere(
    engine: Engine, probe: Probe, echo: str
) -> None:
    workspace = Workspace.objects.get(pk=engine.workspace.pk)
    secret_set(workspace=workspace, name="TOKEN", value=CANARY, actor=ACTOR)
    heard: list[Any] = []
    probe.does = lambda tag, _context: heard.append(tag) or tag
    engine.workflow([counting("inner", "{{ input.said }}")], name="inner")
    said = "{{ blocks.ask.body.you }}"
    auth = {"kind": "bearer", "token": "{{ secrets.TOKEN }}"}
    flow = engine.workflow(
        [
            {"key": "ask", "type": "http", "config": {"method": "GET", "url": f"{echo}/ok", "auth": auth}},
            counting("call", said),
            {"key": "set", "type": "set", "config": {"fields": {"again": said}}},
            {
                "key": "keep",
                "type": "cache",
                "config": {"operation": "set", "key": said, "value": said, "ttl_seconds": 60},
            },
            {"key": "each", "type": "loop", "config": {"mode": "each", "items": [said, "b"]}},
            counting("item", "{{ item }}", parent="each"),
            {"key": "sub", "type": "workflow", "config": {"workflow": "inner", "input": {"said": said}}},
            {"key": "approve", "type": "approval", "config": {"message": said, "notify": False}},
            {"key": "end", "type": "fail", "config": {"message": "It was {{ blocks.call }}"}},
        ],
        [
            ("ask", "call"),
            ("call", "set"),
            ("set", "keep"),
            ("keep", "each"),
            ("each", "sub"),
            ("sub", "approve"),
            ("approve", "approved", "end"),
        ],
    )
    run = engine.run(flow, x="expanded")
    assert run.status == "paused", run.error
    assert heard[0] == f"Bearer {CANARY}"  # the value itself, never expanded
    engine.answer(run)
    engine.work()
    assert engine.fresh(run).status == "failed"
    plan = rerun_plan(
        workflow=flow,
        version=version_for_ref(flow, "live"),
        source=Run.objects.get(pk=run.pk),
        asked=Asked(start="call"),
    )
    rerun_start(rerun=plan, actor=ACTOR)
    engine.work()
    leaks = [name for name, text in rows_of_every_table().items() if "canary-7f3a" in text]
    assert leaks == []
    assert not any("canary-7f3a" in str(message) for message in engine.messages)
    assert mail.outbox == []
