"""What `manage.py verify_invariants` asks about triggers and their invocations (I7 of `trust.md`)."""

from __future__ import annotations

from scheduler.models import Invocation
from scheduler.models.invariants_sql import CHECKS
from scheduler.states import WAITING
from tables.services.verifying import on_verify


def register() -> None:
    """Have it asked with all the others."""
    on_verify(CHECKS, messages_expected)


def messages_expected() -> int:
    """Messages of invocations that may be in the queues: each may have been sent twice (I10)."""
    return 2 * Invocation.objects.filter(status__in=WAITING).count()
