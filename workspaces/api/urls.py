"""Paths of this app under `/api/v1/`."""

from django.urls import path

from workspaces.api.audit import AuditView
from workspaces.api.members import MembersView, MemberView
from workspaces.api.secrets import SecretsView, SecretView
from workspaces.api.tickets import TicketsView
from workspaces.api.tokens import TokensView, TokenView
from workspaces.api.workspaces import MeView, WorkspaceView

urlpatterns = [
    path("me/", MeView.as_view(), name="me"),
    path("workspaces/<str:workspace>/", WorkspaceView.as_view(), name="workspace"),
    path("workspaces/<str:workspace>/members/", MembersView.as_view(), name="members"),
    path("workspaces/<str:workspace>/members/<uuid:member>/", MemberView.as_view(), name="member"),
    path("workspaces/<str:workspace>/tokens/", TokensView.as_view(), name="tokens"),
    path("workspaces/<str:workspace>/tokens/<uuid:token>/", TokenView.as_view(), name="token"),
    path("workspaces/<str:workspace>/audit/", AuditView.as_view(), name="audit"),
    path("secrets/", SecretsView.as_view(), name="secrets"),
    path("secrets/<str:name>/", SecretView.as_view(), name="secret"),
    path("ws-tickets/", TicketsView.as_view(), name="ws-tickets"),
]
