"""Probes for load balancers and supervisors: no login, no detail that helps an attacker.

- `/healthz`: this process answers. Touches nothing else, so a slow database never gets web restarted.
- `/readyz`: database and Redis answer within seconds: 200, else 503 naming which does not.
"""

from collections.abc import Callable

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse


class Probes:
    """A middleware, the first: probes come by address, without TLS, and belong in no request log."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Standard middleware construction."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the two paths, pass everything else on."""
        if request.path == "/healthz":
            return JsonResponse({"status": "ok"})
        if request.path == "/readyz":
            return _readiness()
        return self.get_response(request)


def _readiness() -> JsonResponse:
    probes: dict[str, Callable[[], bool]] = {"database": _database_answers, "redis": _redis_answers}
    found = {name: "ok" if answers() else "unreachable" for name, answers in probes.items()}
    return JsonResponse(found, status=200 if set(found.values()) == {"ok"} else 503)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _redis_answers() -> bool:
    with redis.Redis.from_url(
        settings.RUNSHEET_REDIS_URL, socket_timeout=2, socket_connect_timeout=2
    ) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
