"""The one place where errors become HTTP: RFC 9457 problem documents with a stable `code`.

{"type": "urn:runsheet:problem:last_admin", "title": "Conflict", "status": 409, "code": "last_admin",
 "detail": "A workspace needs at least one admin. …", "errors": {"data.name": ["…"]}, …}
"""

import functools
import logging
import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import kombu.exceptions
import redis.exceptions
from django.core.exceptions import PermissionDenied, RequestDataTooBig, ValidationError
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from workspaces import errors

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
RETRY_SECONDS = 2  # a restarting database or Redis is back within a few of these

STATUSES: dict[type[errors.RunsheetError], HTTPStatus] = {
    errors.Invalid: HTTPStatus.BAD_REQUEST,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.Gone: HTTPStatus.GONE,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    errors.Unprocessable: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Throttled: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
DRF_CODES = {"not_authenticated": "unauthenticated", "permission_denied": "forbidden"}
"""DRF's words for what we have our own for."""


@dataclass(frozen=True)
class Problem:
    """A problem document before it is a response."""

    status: int
    code: str
    detail: str
    errors: dict[str, list[str]] | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """The document; `extra` never overrides a standard member."""
        standard = {
            "type": f"urn:runsheet:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        return {**self.extra, **standard, **({"errors": self.errors} if self.errors else {})}


def handle(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler; `None` (a bug of ours) goes on to Django and becomes a 500."""
    problem = problem_of(exc)
    if problem is None:
        return None
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        logger.warning("%s: %s", problem.code, exc)
    set_rollback()
    return Response(problem.body(), status=problem.status, headers=problem.headers, content_type=CONTENT_TYPE)


@functools.singledispatch
def problem_of(exc: Exception) -> Problem | None:
    """What an exception means to a client, or `None` if it should never have reached one."""
    return None


@problem_of.register
def _domain(exc: errors.RunsheetError) -> Problem:
    status = next((STATUSES[kind] for kind in type(exc).__mro__ if kind in STATUSES), HTTPStatus.BAD_REQUEST)
    if type(exc) is errors.Invalid and exc.errors and exc.detail == exc.default_detail():
        return _invalid(exc.errors, exc.extra)
    wait = exc.extra.get("retry_after_seconds")
    headers = {"Retry-After": str(math.ceil(wait))} if wait is not None else _retry(status)
    return Problem(status, exc.code, exc.detail, exc.errors, exc.extra, headers)


@problem_of.register
def _drf_other(exc: exceptions.APIException) -> Problem:
    return Problem(exc.status_code, _code(exc), str(exc.detail))


@problem_of.register
def _drf_invalid(exc: exceptions.ValidationError) -> Problem:
    return _invalid(dict(_flatten(exc.detail)))


@problem_of.register(exceptions.AuthenticationFailed)
@problem_of.register(exceptions.NotAuthenticated)
def _drf_unauthenticated(exc: exceptions.APIException) -> Problem:
    # DRF turns the status into 403 where no scheme could be named; to us it is always 401.
    nameless = isinstance(exc, exceptions.NotAuthenticated)
    detail = errors.Unauthenticated.default_detail() if nameless else str(exc.detail)
    headers = {"WWW-Authenticate": getattr(exc, "auth_header", 'Bearer realm="runsheet"')}
    return Problem(HTTPStatus.UNAUTHORIZED, _code(exc), detail, headers=headers)


@problem_of.register
def _drf_throttled(exc: exceptions.Throttled) -> Problem:
    wait = math.ceil(getattr(exc, "wait", None) or 1)
    return _domain(errors.Throttled(f"Too many requests. Try again in {wait} s.", retry_after_seconds=wait))


@problem_of.register
def _django_invalid(exc: ValidationError) -> Problem:
    return _invalid(exc.message_dict if hasattr(exc, "error_dict") else {"": exc.messages})


@problem_of.register
def _django_not_found(exc: Http404) -> Problem:
    return _domain(errors.NotFound())


@problem_of.register
def _django_forbidden(exc: PermissionDenied) -> Problem:
    return _domain(errors.Forbidden())


@problem_of.register
def _django_too_large(exc: RequestDataTooBig) -> Problem:
    return _domain(errors.TooLarge())


@problem_of.register
def _database_refused(exc: DataError) -> Problem:
    """A value in a query string that no column of ours could hold."""
    return _domain(errors.Invalid("A value is out of range."))


@problem_of.register(OperationalError)
@problem_of.register(InterfaceError)
def _database_down(exc: Exception) -> Problem:
    return _down("database_unavailable", "The database does not answer. Try again shortly.")


@problem_of.register(redis.exceptions.ConnectionError)
@problem_of.register(redis.exceptions.TimeoutError)
@problem_of.register(kombu.exceptions.OperationalError)
def _queue_down(exc: Exception) -> Problem:
    return _down("queue_unavailable", "The queue does not answer. Try again shortly.")


def _down(code: str, detail: str) -> Problem:
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return Problem(status, code, detail, headers=_retry(status))


def _invalid(faults: Mapping[str, Iterable[str]], extra: dict[str, Any] | None = None) -> Problem:
    listed = {path: [str(message) for message in messages] for path, messages in faults.items()}
    sentences = [
        f"{path}: {message}" if path else message for path, messages in listed.items() for message in messages
    ]
    more = f" (and {len(sentences) - 1} more)" if len(sentences) > 1 else ""
    detail = f"{sentences[0]}{more}" if sentences else errors.Invalid.default_detail()
    return Problem(HTTPStatus.BAD_REQUEST, "invalid", detail, listed, extra or {})


def _flatten(detail: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """DRF's nested error detail as (dotted path, messages); faults of a whole object keep its path."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _flatten(inner, path if name == "non_field_errors" else _join(path, name))
    elif isinstance(detail, list) and any(isinstance(item, dict | list) for item in detail):
        for place, inner in enumerate(detail):
            yield from _flatten(inner, _join(path, place))
    elif isinstance(detail, list):
        yield path, [str(message) for message in detail]
    else:
        yield path, [str(detail)]


def _join(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def _code(exc: exceptions.APIException) -> str:
    codes = exc.get_codes()
    code = codes if isinstance(codes, str) else exc.default_code
    return DRF_CODES.get(code, code)


def _retry(status: int) -> dict[str, str]:
    return {"Retry-After": str(RETRY_SECONDS)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A path nobody owns: a problem document under /api/, Django's page elsewhere."""
    if not request.path.startswith("/api/"):
        return defaults.page_not_found(request, exception)
    return _plain(Problem(HTTPStatus.NOT_FOUND, "not_found", f"There is nothing at {request.path}."))


def handler500(request: HttpRequest) -> HttpResponse:
    """A fault of ours; the log has it under the request's id, the client learns nothing of it.

    Django calls this while the exception is in flight. A database lost in a middleware, before any view
    could answer for it, is told apart: that is a 503.
    """
    if not request.path.startswith("/api/"):
        return defaults.server_error(request)
    fault = sys.exc_info()[1]
    problem = problem_of(fault) if isinstance(fault, Exception) else None
    if problem is not None and problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return _plain(problem)
    return _plain(
        Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "Something went wrong on our side.")
    )


def _plain(problem: Problem) -> HttpResponse:
    return JsonResponse(
        problem.body(), status=problem.status, headers=problem.headers, content_type=CONTENT_TYPE
    )
