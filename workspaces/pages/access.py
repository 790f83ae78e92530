"""The mixin of every page inside a workspace."""

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.generic.base import ContextMixin, View

from workspaces import selectors
from workspaces.models import Membership, User, Workspace


class WorkspacePageMixin(LoginRequiredMixin, ContextMixin, View):
    """Sign-in first (else off to `/login/`), then the workspace: `?workspace=`, else the last or only one.

    Sets `self.workspace` and `self.membership`, and puts both, with `memberships` for the picker, into
    the template's context. A foreign workspace is a 404. Nothing is written: looking is not moving.
    """

    workspace: Workspace
    membership: Membership

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Resolve the workspace, then go on as Django does."""
        user = request.user
        if not isinstance(user, User):
            return self.handle_no_permission()
        named = request.GET.get("workspace")
        place = selectors.membership_named(user.pk, named) if named else selectors.membership_default(user)
        if place is None:
            raise Http404("You are not a member of this workspace, or of any yet. Ask an admin to add you.")
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
