"""What drf-spectacular cannot guess: our two ways in, and the problem documents every call may answer."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from workspaces.api.serializers import ProblemSerializer

PROBLEMS = {
    "400": "The request is not valid.",
    "401": "Not signed in, or a dead token.",
    "403": "Role, token scope or CSRF do not allow it.",
    "404": "No such thing in a workspace of yours.",
    "429": "Too many calls; see `Retry-After`.",
}
WORKSPACE = OpenApiParameter(
    "X-Workspace",
    str,
    OpenApiParameter.HEADER,
    description="Id or slug of the workspace meant; only for sessions, by default the last one used.",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Repeat a request with the same key and body, and the first answer comes again.",
)


class ProblemSchema(AutoSchema):
    """Adds the problem documents, and the headers the base view reads."""

    def get_override_parameters(self) -> list[Any]:
        """The headers, on top of what the view declares."""
        own = list(super().get_override_parameters())
        handler = getattr(self.view, self.method.lower(), None)
        workspace = [WORKSPACE] if hasattr(self.view, "workspace_named") else []
        return own + workspace + ([IDEMPOTENCY_KEY] if getattr(handler, "idempotent", False) else [])

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for code, description in PROBLEMS.items():
            if code not in bodies:
                problem = OpenApiResponse(ProblemSerializer, description)
                bodies[code] = self._get_response_for_code(
                    problem, code, ["application/problem+json"], direction
                )
        return bodies


class TokenScheme(OpenApiAuthenticationExtension):
    """Bearer tokens."""

    target_class = "workspaces.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """The OpenAPI security scheme."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "rs_…"}


class SessionScheme(OpenApiAuthenticationExtension):
    """Browser sessions."""

    target_class = "workspaces.api.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """The OpenAPI security scheme."""
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
