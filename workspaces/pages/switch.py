"""Moving to another workspace: a POST, because it changes what every later page and call means."""

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.generic.base import View

from workspaces import selectors
from workspaces.models import User
from workspaces.services.workspaces import workspace_enter


class SwitchView(LoginRequiredMixin, View):
    """`POST /workspaces/switch/` with `workspace` (id or slug) and `next` (a path of ours, else `/`)."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Remember the workspace and go on."""
        user = request.user
        assert isinstance(user, User)
        place = selectors.membership_named(user.pk, request.POST.get("workspace", ""))
        if place is None:
            raise Http404("You are not a member of this workspace.")
        workspace_enter(user=user, workspace=place.workspace)
        wanted = request.POST.get("next", "")
        ours = url_has_allowed_host_and_scheme(
            wanted, {request.get_host()}, require_https=request.is_secure()
        )
        return HttpResponseRedirect(wanted if ours else "/")
