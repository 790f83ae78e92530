"""Every kind of error becomes the right problem document."""

import json
from typing import Any

import kombu.exceptions
import pytest
import redis.exceptions
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404
from django.test import RequestFactory
from rest_framework import exceptions

from config.api_errors import handle, handler404, handler500, problem_of
from workspaces import errors

CASES = [
    (errors.NotFound("No."), 404, "not_found"),
    (errors.Invalid("No."), 400, "invalid"),
    (errors.Unauthenticated(), 401, "unauthenticated"),
    (errors.Forbidden(), 403, "forbidden"),
    (errors.LastAdmin(), 409, "last_admin"),
    (errors.Gone(), 410, "gone"),
    (errors.TooLarge(), 413, "too_large"),
    (errors.IdempotencyMismatch(), 422, "idempotency_mismatch"),
    (errors.Throttled(), 429, "throttled"),
    (errors.Unavailable(), 503, "unavailable"),
    (exceptions.NotAuthenticated(), 401, "unauthenticated"),
    (exceptions.AuthenticationFailed("Dead.", code="invalid_token"), 401, "invalid_token"),
    (exceptions.PermissionDenied("Csrf.", code="csrf_failed"), 403, "csrf_failed"),
    (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
    (exceptions.UnsupportedMediaType("text/xml"), 415, "unsupported_media_type"),
    (exceptions.ParseError("Bad at line 1."), 400, "parse_error"),
    (Http404(), 404, "not_found"),
    (PermissionDenied(), 403, "forbidden"),
    (ValidationError({"name": ["Too long."]}), 400, "invalid"),
    (DataError(), 400, "invalid"),
    (OperationalError(), 503, "database_unavailable"),
    (InterfaceError(), 503, "database_unavailable"),
    (redis.exceptions.ConnectionError(), 503, "queue_unavailable"),
    (redis.exceptions.TimeoutError(), 503, "queue_unavailable"),
    (kombu.exceptions.OperationalError(), 503, "queue_unavailable"),
]


@pytest.mark.parametrize(("fault", "status", "code"), CASES, ids=lambda case: repr(case)[:40])
def test_each_error_has_its_status_and_code(fault: Exception, status: int, code: str) -> None:
    response = handle(fault, {})
    assert response is not None
    assert response.content_type == "application/problem+json"
    assert (response.status_code, response.data["status"], response.data["code"]) == (status, status, code)
    assert response.data["type"] == f"urn:runsheet:problem:{code}"
    assert response.data["title"]
    assert response.data["detail"]


def test_a_bug_of_ours_is_no_problem_document() -> None:
    assert handle(ZeroDivisionError(), {}) is None


def test_field_errors_are_flat_paths_and_the_first_is_the_detail() -> None:
    detail: dict[str, Any] = {
        "data": {"age": ["Not a number."]},
        "rows": [{}, {"non_field_errors": ["Empty."]}],
    }
    problem = problem_of(exceptions.ValidationError(detail))
    assert problem is not None
    assert problem.errors == {"data.age": ["Not a number."], "rows.1": ["Empty."]}
    assert problem.detail == "data.age: Not a number. (and 1 more)"


def test_extra_members_stand_beside_the_standard_ones_and_never_replace_them() -> None:
    problem = problem_of(errors.Conflict("Busy.", status="mine", holder="a"))
    assert problem is not None
    assert (problem.body()["holder"], problem.body()["status"]) == ("a", 409)


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (exceptions.Throttled(wait=1.2), "2"),
        (errors.Throttled(retry_after_seconds=3.5), "4"),
        (OperationalError(), "2"),
    ],
)
def test_what_may_be_tried_again_says_when(fault: Exception, seconds: str) -> None:
    response = handle(fault, {})
    assert response is not None
    assert response.headers["Retry-After"] == seconds


def test_a_401_names_the_scheme() -> None:
    response = handle(exceptions.NotAuthenticated(), {})
    assert response is not None
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("path", "kind"), [("/api/v1/nothing/", "application/problem+json"), ("/nothing/", "text/html")]
)
def test_unknown_paths_and_crashes_speak_json_under_api_only(path: str, kind: str) -> None:
    request = RequestFactory().get(path)
    for response in (handler404(request, Http404()), handler500(request)):
        assert response.headers["Content-Type"].startswith(kind)
    if kind.endswith("json"):
        assert json.loads(handler500(request).content)["code"] == "internal_error"


def test_a_database_lost_before_any_view_is_a_503_too() -> None:
    try:
        raise OperationalError
    except OperationalError:
        response = handler500(RequestFactory().get("/api/v1/me/"))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
