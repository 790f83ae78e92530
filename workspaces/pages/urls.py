"""Pages of this app, from the root of the site."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from workspaces.pages.login import LoginView
from workspaces.pages.switch import SwitchView

urlpatterns = [
    path("login/", LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(next_page="login"), name="logout"),
    path("workspaces/switch/", SwitchView.as_view(), name="workspace-switch"),
]
