"""Django's registration of the workspaces app."""

from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    """Tenancy: everything of consequence belongs to a workspace of this app."""

    name = "workspaces"
    verbose_name = "Workspaces"
