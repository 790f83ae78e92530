"""Who is silent is dead, unless nobody could have been heard (T15, F8)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from workflows.models import Instance
from workflows.services import instances

pytestmark = pytest.mark.django_db


def silent_one() -> Instance:
    """An instance of another host that was last heard of a minute ago."""
    made = Instance.objects.create(host="elsewhere", pid=1, heartbeat_at=Now() - timedelta(minutes=1))
    made.refresh_from_db()
    return made


@pytest.mark.rule("T15", "F8")
def test_silence_counts_from_the_start_of_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    found = silent_one()
    monkeypatch.setattr(instances, "_LISTENS_SINCE", Now() - timedelta(seconds=2))
    instances.instances_bury()
    found.refresh_from_db()
    assert found.stopped_at is None
    monkeypatch.setattr(instances, "_LISTENS_SINCE", Now() - timedelta(minutes=2))
    instances.instances_bury()
    found.refresh_from_db()
    assert found.stopped_at is not None
