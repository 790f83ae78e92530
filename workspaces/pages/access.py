"""The mixin of every page inside a workspace, and who acts when a page is posted to."""

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.generic.base import ContextMixin, View

from workspaces import selectors
from workspaces.actors import Actor
from workspaces.models import Membership, User, Workspace
from workspaces.origin import client_ip, request_id


class WorkspacePageMixin(LoginRequiredMixin, ContextMixin, View):
    """Sign-in first (else off to `/login/`), then the workspace: `?workspace=`, else the last or only one.

    Sets `self.workspace` and `self.membership`, and puts both, with `memberships` for the picker, into
    the template's context. A foreign workspace is a 404; who has none at all is told so. Nothing is written: looking is
    not moving.
    """

    workspace: Workspace
    membership: Membership

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Resolve the workspace, then go on as Django does."""
        user = request.user
        if not isinstance(user, User):
            return self.handle_no_permission()
        if any("\x00" in value for values in request.GET.lists() for value in values[1]):
            raise Http404("The address holds a character that no text has.")
        named = request.GET.get("workspace")
        place = selectors.membership_named(user.pk, named) if named else selectors.membership_default(user)
        if place is None and named:
            raise Http404("You are not a member of this workspace.")
        if place is None:
            return render(request, "runsheet/no_workspace.html", status=404)
        self.membership, self.workspace = place, place.workspace
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The page's context with where we are and where else one could be."""
        return {
            "workspace": self.workspace,
            "membership": self.membership,
            "memberships": selectors.memberships_of(self.membership.user_id),
            **super().get_context_data(**kwargs),
        }


def actor_of(request: HttpRequest) -> Actor:
    """The person who is signed in, as services take and the audit log keeps them."""
    assert isinstance(request.user, User)
    return Actor(
        user_id=request.user.pk,
        label=request.user.get_username(),
        ip=client_ip(request),
        request_id=request_id(),
    )
