"""The back office for workspaces, people, tokens and the audit log. It shows no secret and no hash."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from workspaces.actors import Actor
from workspaces.errors import RunsheetError
from workspaces.models import ApiToken, AuditEvent, Membership, Secret, User, Workspace
from workspaces.origin import client_ip, request_id
from workspaces.services.members import member_add, member_remove, member_role_change
from workspaces.services.tokens import token_revoke
from workspaces.services.workspaces import workspace_create, workspace_update
from workspaces.states import Role

admin.site.unregister(Group)  # roles live in memberships; Django's groups would only mislead


def actor_of_admin(request: HttpRequest) -> Actor:
    """Who is at work in the back office, for services and the audit log."""
    user = request.user
    return Actor(
        user_id=user.pk,
        label=f"{user.get_username()} (admin)",
        ip=client_ip(request),
        request_id=request_id(),
    )


class ServiceAdmin(ModelAdmin):
    """Saves through services; what they refuse becomes a message, and nothing is changed."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Add or change."""
        return self._or_message(request, super().changeform_view, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Delete."""
        return self._or_message(request, super().delete_view, *args, **kwargs)

    def _or_message(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except RunsheetError as fault:
            self.message_user(request, fault.detail, messages.ERROR)
            return HttpResponseRedirect(request.path)


class UndeletableAdmin(ModelAdmin):
    """Rows so much hangs on that they are not deleted here: accounts are closed instead."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False


class ReadOnlyAdmin(UndeletableAdmin):
    """Rows that are looked at, never edited, here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never; viewing remains."""
        return False


@admin.register(User)
class UserAdmin(UndeletableAdmin, DjangoUserAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Accounts. What people may do in a workspace stands under memberships."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "first_name", "last_name", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )


@admin.register(Workspace)
class WorkspaceAdmin(UndeletableAdmin, ServiceAdmin):
    """Workspaces. Whoever makes one here is its first admin."""

    list_display = ("name", "slug", "member_count", "created_at")
    search_fields = ("name", "slug")
    fields = ("name", "slug")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workspace]:
        """With the number of members, in the same query."""
        rows: QuerySet[Workspace] = super().get_queryset(request)
        return rows.annotate(member_count=Count("memberships"))

    @admin.display(description="members", ordering="member_count")
    def member_count(self, workspace: Any) -> int:
        """How many people belong to it."""
        count: int = workspace.member_count
        return count

    def save_model(self, request: HttpRequest, obj: Workspace, form: Any, change: Any) -> None:
        """Through the services, so that the audit log knows."""
        actor = actor_of_admin(request)
        if change:
            workspace_update(workspace=obj, actor=actor, name=obj.name, slug=obj.slug)
            return
        assert isinstance(request.user, User)
        made = workspace_create(name=obj.name, slug=obj.slug, owner=request.user, actor=actor)
        obj.pk = made.pk


@admin.register(Membership)
class MembershipAdmin(ServiceAdmin):
    """Who belongs where, as what."""

    list_display = ("user", "workspace", "role", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "workspace")
    search_fields = ("user__username", "user__email", "workspace__name", "workspace__slug")
    autocomplete_fields = ("user", "workspace")
    actions = None

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        """A membership changes its role, never its person."""
        return ("user", "workspace") if obj else ()

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: Any) -> None:
        """Through the services, which keep the last admin in place."""
        actor, role = actor_of_admin(request), Role(obj.role)
        if change:
            member_role_change(membership=obj, role=role, actor=actor)
        else:
            obj.pk = member_add(workspace=obj.workspace, user=obj.user, role=role, actor=actor).pk

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """Through the service, which revokes the person's tokens too."""
        member_remove(membership=obj, actor=actor_of_admin(request))


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Tokens: who has which, when used; they can be revoked."""

    list_display = (
        "name",
        "prefix",
        "user",
        "workspace",
        "scope",
        "last_used_at",
        "expires_at",
        "revoked_at",
    )
    list_filter = ("scope", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("user", "workspace")
    search_fields = ("name", "prefix", "user__username", "workspace__slug")
    exclude = ("sha256",)
    actions = ("revoke",)

    @admin.action(description="Revoke selected tokens", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """For good, each with its audit entry."""
        done = sum(token_revoke(token=token, actor=actor_of_admin(request)) for token in queryset)
        self.message_user(request, f"{done} tokens revoked.", messages.SUCCESS)


@admin.register(Secret)
class SecretAdmin(ReadOnlyAdmin):
    """That a secret exists, and its version; not even the ciphertext is shown."""

    list_display = ("name", "workspace", "version", "updated_at")
    list_select_related = ("workspace",)
    search_fields = ("name", "workspace__slug")
    exclude = ("ciphertext",)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """The audit log, newest first."""

    list_display = ("created_at", "actor_label", "action", "target_type", "target_id", "workspace", "ip")
    list_filter = ("target_type", "action")
    list_select_related = ("workspace",)
    search_fields = ("actor_label", "target_id", "request_id")
    ordering = ("-created_at", "-id")
    show_full_result_count = False
