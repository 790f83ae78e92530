"""How a request gets from the event loop to its view and back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from asgiref.testing import ApplicationCommunicator
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path

from config.handler import ThreadedHandler

seen: list[int] = []


class First:
    """A middleware that could only be synchronous."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        seen.append(threading.get_ident())
        response = self.get_response(request)
        seen.append(threading.get_ident())
        return response


def view(_request: HttpRequest) -> HttpResponse:
    """Notes the thread it runs in."""
    seen.append(threading.get_ident())
    return HttpResponse("done")


async def asynchronous(_request: HttpRequest) -> HttpResponse:
    """Views of other apps may be."""
    return HttpResponse("async")


urlpatterns = [path("view/", view), path("asynchronous/", asynchronous)]

BETWEEN = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]
FIRST = f"{__name__}.First"


async def asked(path_: str) -> tuple[int, bytes]:
    """Status and body of a GET over ASGI."""
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": path_,
        "query_string": b"",
        "headers": [(b"host", b"testserver")],
    }
    server: Any = ApplicationCommunicator(ThreadedHandler(), scope)  # type: ignore[no-untyped-call]
    await server.send_input({"type": "http.request", "body": b""})
    status = (await server.receive_output(10))["status"]
    body = (await server.receive_output(10))["body"]
    await server.wait(10)
    return status, body


@override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[FIRST, *BETWEEN, FIRST, *BETWEEN, FIRST])
async def test_middleware_and_view_run_in_one_thread_which_is_not_that_of_the_loop() -> None:
    seen.clear()
    assert await asked("/view/") == (200, b"done")
    assert len(seen) == 7
    assert len(set(seen)) == 1
    assert seen[0] != threading.get_ident()


@override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[FIRST, *BETWEEN])
async def test_an_asynchronous_view_is_served_as_well() -> None:
    assert await asked("/asynchronous/") == (200, b"async")
