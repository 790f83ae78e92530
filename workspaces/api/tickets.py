"""`POST /ws-tickets/`: one-time tickets for websockets."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from workspaces.api.access import WorkspaceRequest
from workspaces.api.authentication import token_of
from workspaces.api.serializers import StrictSerializer
from workspaces.api.views import WorkspaceAPIView
from workspaces.services.tickets import TICKET_TTL_SECONDS, ticket_create
from workspaces.states import Access


class NoBodySerializer(StrictSerializer):
    """Nothing is sent."""


class TicketSerializer(StrictSerializer):
    """Goes into `?token=` of a socket's address, once."""

    ticket = serializers.CharField()
    expires_in_seconds = serializers.IntegerField()


class TicketsView(WorkspaceAPIView):
    """Tickets are made and used, never listed."""

    requires: ClassVar[dict[str, Access]] = {"POST": "read"}

    @extend_schema(request=None, responses={201: TicketSerializer})
    def post(self, request: WorkspaceRequest) -> Response:
        """A ticket for the caller in this workspace."""
        self.body(NoBodySerializer)
        ticket = ticket_create(workspace=request.workspace, user=request.user, token=token_of(request))
        answer = {"ticket": ticket, "expires_in_seconds": TICKET_TTL_SECONDS}
        return Response(answer, status=201, headers={"Cache-Control": "no-store"})
