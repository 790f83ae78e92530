"""What stands before an answer link, which needs no account: a limit on guessing, and bounded forms (W20)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any, Final

from django.conf import settings
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from workspaces.errors import TooLarge
from workspaces.origin import client_ip
from workspaces.throttling import Limiter

VISITS: Final = Limiter()


class LinkThrottle(BaseThrottle):
    """429 with `Retry-After` beyond `RUNSHEET_MAX_API_CALLS_PER_MINUTE` calls a minute from one address."""

    wait_seconds: float = 0.0

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count this call; `False` refuses it."""
        per_minute: int = settings.RUNSHEET_MAX_API_CALLS_PER_MINUTE
        caller = str(client_ip(request))
        self.wait_seconds = VISITS.hit(caller, per_minute=per_minute, now=time.monotonic())
        return self.wait_seconds == 0.0

    def wait(self) -> float:
        """Seconds until the next call is allowed."""
        return self.wait_seconds


class BoundedFormParser(FormParser):
    """A posted HTML form, no larger than a JSON body may be."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The fields. Raises `TooLarge`."""
        largest: int = settings.RUNSHEET_MAX_JSON_BYTES
        body = stream.read(largest + 1)
        if len(body) > largest:
            raise TooLarge(f"A form may have at most {largest:,} bytes.", max_bytes=largest)
        return super().parse(BytesIO(body), media_type, parser_context)
