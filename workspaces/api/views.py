"""The base of every API view: it signs in, finds the workspace, checks role and scope, then calls you.

A whole resource, as the other apps write theirs:

    class TableSerializer(StrictSerializer):                # unknown fields → 400, by name
        id = serializers.UUIDField(read_only=True)
        name = serializers.CharField(max_length=200)
        created_at = UtcDateTimeField(read_only=True)

    class TablesView(WorkspaceAPIView):
        requires = {"POST": "write"}                        # unsaid: GET "read", anything else "write"

        @extend_schema(responses=page_of(TableSerializer), parameters=PAGE_PARAMETERS)
        def get(self, request: WorkspaceRequest) -> Response:
            tables = selectors.tables(request.workspace.pk)
            return self.page(tables, TableSerializer, order=["-created_at", "-id"])

        @extend_schema(request=TableSerializer, responses={201: TableSerializer})
        @idempotent                                         # only for writes that start work
        def post(self, request: WorkspaceRequest) -> Response:
            data = self.body(TableSerializer)               # validated, or a 400 problem
            table = table_create(workspace=request.workspace, actor=request.actor, **data)
            return Response(TableSerializer(table).data, status=201)

    class TableView(WorkspaceAPIView):
        def get(self, request: WorkspaceRequest, table: UUID) -> Response:   # path("tables/<uuid:table>/", …)
            row = self.one(Table.objects.filter(workspace=request.workspace), pk=table)     # foreign → 404
            return Response(TableSerializer(row).data)

Services raise `RunsheetError` kinds; `config/api_errors.py` makes them problem documents. A check
that depends on the body calls `self.require("admin")`.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from workspaces.api.access import (
    WorkspaceRequest,
    access_require,
    actor_of,
    membership_of_request,
    workspace_named_by,
)
from workspaces.api.authentication import SessionAuthentication, TokenAuthentication
from workspaces.api.pagination import DEFAULT_LIMIT, LARGEST_LIMIT, keyset_page, limit_of
from workspaces.api.schema import ProblemSchema
from workspaces.api.throttling import CallerThrottle
from workspaces.errors import Invalid, NotFound
from workspaces.states import Access

M = TypeVar("M", bound=Model)

PAGE_PARAMETERS = [
    OpenApiParameter(
        "limit", int, description=f"Rows a page, 1 to {LARGEST_LIMIT} ({DEFAULT_LIMIT} by default)."
    ),
    OpenApiParameter("after", str, description="The `next` of the page before."),
    OpenApiParameter("count", bool, description="Count all rows too; costs a scan."),
]


@cache
def page_of(serializer: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """The shape of a keyset page of `serializer`, for the OpenAPI schema: one, however many views answer it."""
    page: serializers.Serializer[Any] = inline_serializer(
        name=f"{serializer.__name__.removesuffix('Serializer')}Page",
        fields={
            "results": serializer(many=True),
            "next": serializers.CharField(allow_null=True),
            "count": serializers.IntegerField(required=False),
        },
    )
    return page


class SignedInAPIView(APIView):
    """For the few views that stand above any workspace: somebody must be signed in, that is all."""

    authentication_classes = (TokenAuthentication, SessionAuthentication)
    permission_classes = (IsAuthenticated,)
    throttle_classes = (CallerThrottle,)
    schema = ProblemSchema()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse what no text in PostgreSQL can hold before a query finds out."""
        query = (part for name, values in request.query_params.lists() for part in (name, *values))
        if any("\x00" in part for part in (request.path, *query)):
            raise Invalid("The address holds the character U+0000, which is not allowed.")
        super().initial(request, *args, **kwargs)


class WorkspaceAPIView(SignedInAPIView):
    """A view inside one workspace; `request` carries `workspace`, `membership` and `actor`.

    `requires` says what each method needs (`read`, `run`, `write`, `admin`, `own`); unsaid, reading
    methods need `read` and all others `write`. HEAD needs what GET does, which answers it.
    """

    requires: ClassVar[dict[str, Access]] = {}
    request: WorkspaceRequest

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> WorkspaceRequest:
        """As DRF does, with our typed request."""
        return WorkspaceRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def check_permissions(self, request: Request) -> None:
        """Sign-in (401), workspace (404), role and scope (403), in that order."""
        super().check_permissions(request)
        assert isinstance(request, WorkspaceRequest)
        request.membership = membership_of_request(request, self.workspace_named(request))
        request.workspace = request.membership.workspace
        request.actor = actor_of(request)
        method = request.method or ""
        if hasattr(self, method.lower()):  # an unknown method is a 405, not a matter of rights
            answered_as = "GET" if method == "HEAD" else method  # GET answers it, with all that this reads
            reading = answered_as in {"GET", "OPTIONS"}
            access_require(request, self.requires.get(answered_as, "read" if reading else "write"))

    def workspace_named(self, request: Request) -> str | None:
        """The workspace the request names, if it does."""
        return workspace_named_by(request)

    def require(self, access: Access) -> None:
        """Demand more than `requires` did. Raises `Forbidden`."""
        access_require(self.request, access)

    def body(self, serializer: type[serializers.Serializer[Any]], **options: Any) -> dict[str, Any]:
        """The validated body; `options` (`partial`, `context`) go to the serializer."""
        return self._validated(serializer(data=self.request.data, **options))

    def query(self, serializer: type[serializers.Serializer[Any]], **options: Any) -> dict[str, Any]:
        """The validated query string, without the parameters that belong to the base itself."""
        reserved = {"workspace", "limit", "after", "count"}
        given = {name: value for name, value in self.request.query_params.items() if name not in reserved}
        return self._validated(serializer(data=given, **options))

    def one(self, queryset: QuerySet[M], **lookup: Any) -> M:
        """The row of a (workspace-bound) queryset. Raises `NotFound`."""
        row = queryset.filter(**lookup).first()
        if row is None:
            kind = queryset.model._meta.verbose_name
            raise NotFound(f"There is no such {kind} in this workspace.")
        return row

    def page(
        self,
        queryset: QuerySet[M],
        serializer: type[serializers.Serializer[Any]],
        *,
        order: Sequence[str],
        largest: int = LARGEST_LIMIT,
    ) -> Response:
        """One keyset page as `{results, next, count?}`; `order` as in `keyset_page`."""
        query = self.request.query_params
        limit = limit_of(query.get("limit"), largest=largest)
        page = keyset_page(queryset, order=order, limit=limit, after=query.get("after"))
        answer: dict[str, Any] = {
            "results": serializer(page.rows, many=True, context={"request": self.request}).data,
            "next": page.next,
        }
        if query.get("count") in {"1", "true"}:
            answer["count"] = queryset.count()
        return Response(answer)

    def _validated(self, serializer: serializers.Serializer[Any]) -> dict[str, Any]:
        serializer.is_valid(raise_exception=True)
        validated: dict[str, Any] = serializer.validated_data
        return validated
