"""`/scheduler/restart/`: for a deploy, which shows its secret, and for admins (`scheduler.md` section 4)."""

from __future__ import annotations

import logging
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from scheduler.api.deploy_secret import DEPLOY, DeployAuthentication, credential_require, restart_spend
from scheduler.api.health_serializers import RestartedSerializer
from scheduler.enqueue import SEND_ERRORS
from scheduler.errors import RestartFailed, TickUnsent
from scheduler.services.leadership import scheduler_restart
from workspaces.actors import Actor
from workspaces.api.access import WorkspaceRequest
from workspaces.api.views import WorkspaceAPIView
from workspaces.errors import RunsheetError
from workspaces.origin import client_ip, request_id

log = logging.getLogger(__name__)

TRANSIENT: Final = (OperationalError, InterfaceError, *SEND_ERRORS)
"""A database or a queue that is away; it comes back."""

RETRY_TRANSIENT_SECONDS: Final = 2
RETRY_PERMANENT_SECONDS: Final = 60


class SchedulerRestartView(WorkspaceAPIView):
    """A new epoch: for a deploy, which shows its secret, and for admins."""

    requires = {"POST": "admin"}

    @extend_schema(
        operation_id="scheduler_restart",
        request=None,
        responses={200: RestartedSerializer},
    )
    def post(self, request: WorkspaceRequest) -> Response:
        """Beats elect anew, what was sent under the old epoch ends unread, a tick and a sweep go out at once.

        A failure is a 503 with `error_type` `transient` (try again) or `permanent` (somebody has to look).
        """
        workspace = getattr(request, "workspace", None)
        done = scheduler_restart(request.actor, workspace_id=workspace and workspace.pk)
        return Response(
            {
                "epoch": done.epoch,
                "previous_epoch": done.previous_epoch,
                "holder": done.holder or None,
                "previous_holder": done.previous_holder or None,
            }
        )

    def get_authenticators(self) -> list[BaseAuthentication]:
        """The deploy secret first: it touches neither session nor database."""
        return [DeployAuthentication(), *super().get_authenticators()]

    def get_throttles(self) -> list[BaseThrottle]:
        """None: `initial` counts before anybody is believed."""
        return []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Count the call, refuse what can be nobody, then as everywhere."""
        restart_spend(request)
        credential_require(request)
        super().initial(request, *args, **kwargs)

    def check_permissions(self, request: Request) -> None:
        """A deploy needs no place in a workspace; anybody else is an admin of theirs."""
        if request.auth is not DEPLOY:
            super().check_permissions(request)
            return
        assert isinstance(request, WorkspaceRequest)
        request.actor = Actor(user_id=None, label="deploy", ip=client_ip(request), request_id=request_id())

    def handle_exception(self, exc: Exception) -> Response:
        """Programs that deploy are told what kind of failure it was, and nothing of its insides."""
        return super().handle_exception(_structured(exc))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """No answer of this is kept anywhere."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["Cache-Control"] = "no-store"
        return response


def _structured(exc: Exception) -> Exception:
    if isinstance(exc, TickUnsent):
        exc.extra["error_type"] = "transient"
    if isinstance(exc, RunsheetError | APIException | Http404 | PermissionDenied):
        return exc
    if isinstance(exc, TRANSIENT):
        log.warning("the scheduler could not be restarted: %s", exc)
        return RestartFailed(
            "The database or the queue does not answer. Try again shortly.",
            error_type="transient",
            retry_after_seconds=RETRY_TRANSIENT_SECONDS,
        )
    log.error("the scheduler could not be restarted", exc_info=exc)
    return RestartFailed(error_type="permanent", retry_after_seconds=RETRY_PERMANENT_SECONDS)
