"""Pages of this app, from the root of the site."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from workspaces.pages.login import LoginView
from workspaces.pages.settings import AuditPage, SecretsPage, SettingsPage, TokensPage
from workspaces.pages.switch import SwitchView

urlpatterns = [
    path("login/", LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(next_page="login"), name="logout"),
    path("workspaces/switch/", SwitchView.as_view(), name="workspace-switch"),
    path("settings/", SettingsPage.as_view(), name="settings-page"),
    path("settings/secrets/", SecretsPage.as_view(), name="secrets-page"),
    path("settings/tokens/", TokensPage.as_view(), name="tokens-page"),
    path("settings/audit/", AuditPage.as_view(), name="audit-page"),
]
