"""`Idempotency-Key`: a request that is sent again gets the first answer, and its work is done once.

The key is inserted in the same transaction as the work. So a second request with it waits on the
unique index until the first has committed (and is answered from its row) or rolled back (and does
the work itself); nothing can be left half-way by a crash, and errors are never remembered.
"""

import functools
import hashlib
import json
from collections.abc import Callable
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from django.core.files.uploadedfile import UploadedFile
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now
from psycopg.errors import LockNotAvailable
from rest_framework.response import Response
from rest_framework.views import APIView

from workspaces.api.access import WorkspaceRequest
from workspaces.errors import IdempotencyInProgress, IdempotencyMismatch, Invalid
from workspaces.models import IdempotencyKey
from workspaces.models.idempotency import KEPT_FOR

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replay"
LONGEST_KEY: Final = 255
WAIT_FOR_FIRST_SECONDS: Final = 8

V = TypeVar("V", bound=APIView)
P = ParamSpec("P")


def idempotent(
    handler: Callable[Concatenate[V, WorkspaceRequest, P], Response],
) -> Callable[Concatenate[V, WorkspaceRequest, P], Response]:
    """Decorate a handler (below `extend_schema`) so that it honours the header. The body must be small."""

    @functools.wraps(handler)
    def once(view: V, request: WorkspaceRequest, /, *args: P.args, **kwargs: P.kwargs) -> Response:
        return answer_once(request, lambda: handler(view, request, *args, **kwargs))

    once.idempotent = True  # type: ignore[attr-defined]  # read by ProblemSchema
    return once


def answer_once(request: WorkspaceRequest, produce: Callable[[], Response]) -> Response:
    """`produce()` inside a transaction, or the answer an earlier request with this key got.

    For handlers that go on after the commit (waiting for a run, say); others take the decorator.
    Without the header `produce` is simply called. Raises `IdempotencyMismatch` for another request
    under the same key, `IdempotencyInProgress` when the first takes too long.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return produce()
    if not key.isprintable() or not 0 < len(key) <= LONGEST_KEY:
        raise Invalid(f"{HEADER} must have 1 to {LONGEST_KEY} printable characters.")
    mine = IdempotencyKey.objects.filter(workspace=request.workspace, actor=request.user)
    mine.filter(created_at__lt=Now() - KEPT_FOR).delete()
    with transaction.atomic():
        row, first = _claim(request, key)
        if not first:
            return _replay(row, request)
        response = produce()
        _remember(row, response)
    return response


def _claim(request: WorkspaceRequest, key: str) -> tuple[IdempotencyKey, bool]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{WAIT_FOR_FIRST_SECONDS}s"])
        try:
            claimed = IdempotencyKey.objects.get_or_create(
                workspace=request.workspace,
                actor=request.user,
                key=key,
                defaults={"endpoint": _endpoint(request), "request_hash": _request_hash(request)},
            )
        except OperationalError as fault:
            if isinstance(fault.__cause__, LockNotAvailable):
                raise IdempotencyInProgress from fault
            raise
        cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
    return claimed


def _replay(row: IdempotencyKey, request: WorkspaceRequest) -> Response:
    if row.request_hash != _request_hash(request) or row.endpoint != _endpoint(request):
        raise IdempotencyMismatch
    return Response(row.response_body, status=row.response_status, headers={REPLAYED: "true"})


def _remember(row: IdempotencyKey, response: Response) -> None:
    if response.status_code >= 400:
        transaction.set_rollback(True)
        return
    row.response_status = response.status_code
    row.response_body = response.data
    row.save(update_fields=["response_status", "response_body"])


def _endpoint(request: WorkspaceRequest) -> str:
    return f"{request.method} {request.path}"[:500]


def _request_hash(request: WorkspaceRequest) -> str:
    """Of the parsed body and the query, so that spacing and the order of keys do not matter."""
    body: Any = request.data
    if request.FILES:
        body = [(name, _file_or_text(part)) for name, parts in sorted(body.lists()) for part in parts]
    text = json.dumps([request.query_params, body], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _file_or_text(part: Any) -> str:
    if not isinstance(part, UploadedFile):
        return str(part)
    digest = hashlib.sha256()
    for chunk in part.chunks():
        digest.update(chunk)
    part.seek(0)
    return digest.hexdigest()
