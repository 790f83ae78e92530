"""The API's throttle: each token, or signed-in person, has its own budget a minute."""

import time
from typing import Final

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from workspaces.api.authentication import token_of
from workspaces.throttling import Limiter

CALLERS: Final = Limiter()


class CallerThrottle(BaseThrottle):
    """429 with `Retry-After` beyond `RUNSHEET_MAX_API_CALLS_PER_MINUTE` calls a minute."""

    wait_seconds: float = 0.0

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count this call; `False` refuses it."""
        token = token_of(request)
        caller = f"token:{token.pk}" if token else f"user:{request.user.pk}"
        per_minute: int = settings.RUNSHEET_MAX_API_CALLS_PER_MINUTE
        self.wait_seconds = CALLERS.hit(caller, per_minute=per_minute, now=time.monotonic())
        return self.wait_seconds == 0.0

    def wait(self) -> float:
        """Seconds until the next call is allowed."""
        return self.wait_seconds
