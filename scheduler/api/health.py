"""`/scheduler/health/`, `/scheduler/state/` and `/scheduler/metrics/` (`scheduler.md` section 4)."""

from __future__ import annotations

import os
import time
from typing import Final

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from scheduler.api.deploy_secret import DeployAuthentication
from scheduler.api.health_serializers import SchedulerHealthSerializer, SchedulerStateSerializer
from scheduler.engine.health import HealthStatus
from scheduler.metrics import REGISTRY, Gauges
from scheduler.services.health import Health, health
from workspaces.api.access import WorkspaceRequest
from workspaces.api.authentication import SessionAuthentication, TokenAuthentication
from workspaces.api.schema import ProblemSchema
from workspaces.api.views import WorkspaceAPIView
from workspaces.errors import Forbidden, Unauthenticated
from workspaces.origin import client_ip
from workspaces.throttling import Limiter

PROBES: Final = Limiter()


class ProbeThrottle(BaseThrottle):
    """429 beyond `RUNSHEET_MAX_API_CALLS_PER_MINUTE` calls a minute from one address."""

    wait_seconds: float = 0.0

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count this call; `False` refuses it."""
        per_minute: int = settings.RUNSHEET_MAX_API_CALLS_PER_MINUTE
        self.wait_seconds = PROBES.hit(str(client_ip(request)), per_minute=per_minute, now=time.monotonic())
        return self.wait_seconds == 0.0

    def wait(self) -> float:
        """Seconds until the next call is allowed."""
        return self.wait_seconds


class _OpenView(APIView):
    """Above any workspace. What it tells depends on who asks."""

    authentication_classes = (DeployAuthentication, TokenAuthentication, SessionAuthentication)
    permission_classes = ()
    throttle_classes = (ProbeThrottle,)
    schema = ProblemSchema()

    def is_trusted(self) -> bool:
        """Staff, and whoever shows a token or the deploy secret."""
        return self.request.auth is not None or bool(getattr(self.request.user, "is_staff", False))


class SchedulerHealthView(_OpenView):
    """Whether slots fire: for probes by status alone, in detail for staff and bearers."""

    @extend_schema(
        operation_id="scheduler_health",
        responses={
            200: SchedulerHealthSerializer,
            503: OpenApiResponse(SchedulerHealthSerializer, "Down: nothing fires."),
        },
    )
    def get(self, request: Request) -> Response:
        """200 while it is `ok` or `degraded`, 503 when it is `down`; a body for staff and bearers alone."""
        found = health()
        status = 503 if found.status is HealthStatus.DOWN else 200
        shown = SchedulerHealthSerializer(found).data if self.is_trusted() else None
        return Response(shown, status=status, headers={"Cache-Control": "no-store"})


class SchedulerStateView(WorkspaceAPIView):
    """The lease, the last tick and the verdict, for admins."""

    requires = {"GET": "admin"}

    @extend_schema(operation_id="scheduler_state", responses=SchedulerStateSerializer)
    def get(self, request: WorkspaceRequest) -> Response:
        """All there is to know; 200 whatever the verdict."""
        return Response(SchedulerStateSerializer(health()).data, headers={"Cache-Control": "no-store"})


class SchedulerMetricsView(_OpenView):
    """Metrics in Prometheus' text format."""

    @extend_schema(operation_id="scheduler_metrics", responses={(200, "text/plain"): OpenApiTypes.STR})
    def get(self, request: Request) -> HttpResponse:
        """For staff and bearers. Histograms need `PROMETHEUS_MULTIPROC_DIR`, shared by all processes."""
        if not self.is_trusted():
            raise Unauthenticated if request.user.is_anonymous else Forbidden
        body = generate_latest(Gauges(_gauges(health())).registered())
        return HttpResponse(body + generate_latest(_counters()), content_type=CONTENT_TYPE_LATEST)


def _gauges(found: Health) -> list[tuple[str, str, float, dict[str, str]]]:
    """What PostgreSQL knows."""
    order = list(HealthStatus)
    return [
        ("up", "1 unless the scheduler is down.", float(found.status is not HealthStatus.DOWN), {}),
        ("health", "0 ok, 1 degraded, 2 down.", float(order.index(found.status)), {}),
        ("tick_age_seconds", "Since the last tick ended.", found.tick_age_seconds or 0.0, {}),
        ("recorded_ticks", "Ticks recorded since the install was made.", float(found.total_ticks), {}),
        ("failures_in_a_row", "Ticks that failed in a row.", float(found.consecutive_failures), {}),
        ("due_backlog", "Triggers due and not claimed, counted to 1,001.", float(found.backlog_due), {}),
        ("lateness_now_seconds", "The oldest due or startable one.", found.lateness_seconds, {}),
        ("pending_age_max_seconds", "The oldest publishable invocation.", found.pending_age_seconds, {}),
        ("in_flight", "Invocations queued or running.", float(found.in_flight), {}),
        ("epoch", "Rises when the leader changes.", float(found.epoch), {}),
        ("leader", "Who leads.", float(found.is_led), {"holder": found.holder}),
    ]


def _counters() -> CollectorRegistry:
    """Of all processes where they share a folder, else of this one."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return REGISTRY
    shared = CollectorRegistry()
    MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    return shared
