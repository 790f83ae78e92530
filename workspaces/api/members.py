"""`/workspaces/{id}/members/`: who belongs, and as what."""

from typing import ClassVar
from uuid import UUID

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from workspaces import selectors
from workspaces.api.access import WorkspaceRequest
from workspaces.api.serializers import StrictSerializer, UtcDateTimeField
from workspaces.api.views import PAGE_PARAMETERS, page_of
from workspaces.api.workspaces import WorkspaceInPathView
from workspaces.errors import UnknownPerson
from workspaces.models import User
from workspaces.services.members import member_add, member_remove, member_role_change
from workspaces.states import Access, Role


class MemberSerializer(StrictSerializer):
    """A member. `user` is the person's id."""

    id = serializers.UUIDField(read_only=True)
    user = serializers.UUIDField(source="user_id", read_only=True)
    username = serializers.CharField(source="user.username", read_only=True)
    name = serializers.CharField(source="user.label", read_only=True)
    email = serializers.CharField(source="user.email", read_only=True)
    role = serializers.ChoiceField(choices=Role.choices)
    created_at = UtcDateTimeField(read_only=True)


class NewMemberSerializer(StrictSerializer):
    """Someone with an account here, named by username or email."""

    user = serializers.CharField(max_length=254, help_text="Username or email address.")
    role = serializers.ChoiceField(choices=Role.choices)


class MembersView(WorkspaceInPathView):
    """All members."""

    requires: ClassVar[dict[str, Access]] = {"POST": "admin"}

    @extend_schema(responses=page_of(MemberSerializer), parameters=PAGE_PARAMETERS)
    def get(self, request: WorkspaceRequest, workspace: str) -> Response:
        """In the order they joined."""
        return self.page(
            selectors.members_of(request.workspace), MemberSerializer, order=["created_at", "id"]
        )

    @extend_schema(request=NewMemberSerializer, responses={201: MemberSerializer})
    def post(self, request: WorkspaceRequest, workspace: str) -> Response:
        """Give someone a place."""
        data = self.body(NewMemberSerializer)
        membership = member_add(
            workspace=request.workspace,
            user=_person(data["user"]),
            role=Role(data["role"]),
            actor=request.actor,
        )
        membership.refresh_from_db(fields=["created_at"])
        return Response(MemberSerializer(membership).data, status=201)


class MemberView(WorkspaceInPathView):
    """One member. Anybody may leave; only an admin changes or removes others."""

    requires: ClassVar[dict[str, Access]] = {"PATCH": "admin", "DELETE": "own"}

    @extend_schema(request=MemberSerializer, responses=MemberSerializer)
    def patch(self, request: WorkspaceRequest, workspace: str, member: UUID) -> Response:
        """Change the role."""
        role = Role(self.body(MemberSerializer)["role"])
        membership = self.one(selectors.members_of(request.workspace), pk=member)
        changed = member_role_change(membership=membership, role=role, actor=request.actor)
        return Response(MemberSerializer(changed).data)

    @extend_schema(responses={204: None})
    def delete(self, request: WorkspaceRequest, workspace: str, member: UUID) -> Response:
        """Leave, or remove someone; their tokens are revoked."""
        membership = self.one(selectors.members_of(request.workspace), pk=member)
        if membership.pk != request.membership.pk:
            self.require("admin")
        member_remove(membership=membership, actor=request.actor)
        return Response(status=204)


def _person(named: str) -> User:
    people = list(User.objects.filter(Q(username=named) | Q(email__iexact=named), is_active=True)[:2])
    if not people:
        raise UnknownPerson(errors={"user": ["Nobody has this username or email. Ask for an account first."]})
    if len(people) > 1:
        raise UnknownPerson(errors={"user": ["Several people have this email. Give the username."]})
    return people[0]
