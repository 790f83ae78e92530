"""Limits on deliveries: by hook and address for whoever knocks, by hook for whoever holds the secret.

The first bounds the work strangers cause, and is kept apart by address so that they cannot use up the sender's share;
the second bounds the runs that one hook starts.
"""

from __future__ import annotations

import time
from typing import Final
from uuid import UUID

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from workspaces.errors import Throttled
from workspaces.origin import client_ip
from workspaces.throttling import Limiter

KNOCKS: Final = Limiter()
DELIVERIES: Final = Limiter()


class HookThrottle(BaseThrottle):
    """429 with `Retry-After` beyond `RUNSHEET_MAX_API_CALLS_PER_MINUTE` calls a minute, before anything is read."""

    wait_seconds: float = 0.0

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count this call; `False` refuses it."""
        caller = f"{view.kwargs['hook']} {client_ip(request)}"
        self.wait_seconds = KNOCKS.hit(caller, per_minute=_per_minute(), now=time.monotonic())
        return self.wait_seconds == 0.0

    def wait(self) -> float:
        """Seconds until the next call is allowed."""
        return self.wait_seconds


def hook_spend(hook_id: UUID, *, now: float) -> None:
    """Count one verified delivery at ``now`` (monotonic seconds). Raises ``Throttled``."""
    wait = DELIVERIES.hit(str(hook_id), per_minute=_per_minute(), now=now)
    if wait:
        raise Throttled(f"Too many deliveries. Try again in {wait:.0f} s.", retry_after_seconds=wait)


def _per_minute() -> int:
    limit: int = settings.RUNSHEET_MAX_API_CALLS_PER_MINUTE
    return limit
