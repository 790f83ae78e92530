"""Every Celery task has a name of its own, a queue, and the options that recovery relies on."""

import pytest
from celery import Task
from django.conf import settings

from config.celery import app
from scheduler.fixed_entries import FIXED_ENTRIES

app.loader.import_default_modules()
OURS = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}


def test_every_task_is_routed_and_every_route_has_its_task() -> None:
    assert set(OURS) == {name for name in settings.CELERY_TASK_ROUTES if not name.startswith("celery.")}


def test_routes_name_known_queues() -> None:
    assert {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()} <= set(settings.QUEUES)


@pytest.mark.parametrize("task", [OURS[name] for name in sorted(OURS)], ids=sorted(OURS))
def test_tasks_acknowledge_early_and_keep_no_result(task: Task) -> None:
    assert task.ignore_result
    assert not task.acks_late
    assert task.serializer == "json"


@pytest.mark.parametrize("entry", FIXED_ENTRIES, ids=lambda entry: entry.name)
def test_periodic_entries_name_a_task_and_its_queue(entry) -> None:  # type: ignore[no-untyped-def]
    assert settings.CELERY_TASK_ROUTES[entry.task] == {"queue": entry.queue}


@pytest.mark.rule("S16")
def test_nothing_but_json_is_accepted() -> None:
    assert list(app.conf.accept_content) == list(app.conf.result_accept_content) == ["json"]
