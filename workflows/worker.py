"""A Celery worker process as an instance: it registers before it takes work, and says when it leaves (T15, W17)."""

from __future__ import annotations

from typing import Any

from celery.signals import (
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_shutdown,
    worker_shutting_down,
)
from django.conf import settings

from workflows.services.instances import drain, instance_forget, instance_start, instance_stop
from workspaces.garbage import collect_less_often

_shape: dict[str, Any] = {"queues": [], "slots": 1, "prefork": False}


def register(sender: Any, **_: object) -> None:
    """Before the first message: a process that runs its tasks in threads is one instance with that many slots."""
    pool = sender.pool_cls if isinstance(sender.pool_cls, str) else sender.pool_cls.__module__
    _shape.update(
        queues=sorted(str(name) for name in sender.app.amqp.queues.consume_from),
        slots=sender.concurrency or 1,
        prefork="prefork" in pool,
    )
    collect_less_often()
    if not _shape["prefork"]:
        instance_start(role=settings.RUNSHEET_PROCESS, queues=_shape["queues"], slots=_shape["slots"])


def register_child(**_: object) -> None:
    """A prefork child is a process of its own, with one slot; what the parent held is not its."""
    instance_forget()
    instance_start(role=settings.RUNSHEET_PROCESS, queues=_shape["queues"], slots=1)


def hand_back(**_: object) -> None:
    """Told to stop: executors hand their runs back at the next step boundary instead of holding the deploy (W17)."""
    drain()


def leave(**_: object) -> None:
    """The polite end of an instance."""
    instance_stop()


worker_init.connect(register)
worker_process_init.connect(register_child)
worker_shutting_down.connect(hand_back)
worker_process_shutdown.connect(leave)
worker_shutdown.connect(leave)
