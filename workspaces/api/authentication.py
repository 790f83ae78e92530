"""How a request says who it is: a bearer token (programs) or a session (browsers, with CSRF)."""

from typing import Any, Final

from django.utils import timezone
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from workspaces.models import ApiToken, User
from workspaces.models.access import LAST_USED_GRAIN
from workspaces.selectors import token_live

SCHEME: Final = "bearer"


class TokenAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer rs_…`. `request.auth` becomes the `ApiToken`, `request.user` its owner."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """The owner and the token; `None` without a bearer header; `AuthenticationFailed` with a dead one."""
        scheme, _, plaintext = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != SCHEME:
            return None
        token = token_live(plaintext.strip())
        if token is None:
            raise AuthenticationFailed("This token is unknown, expired or revoked.", code="invalid_token")
        self._touch(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """What a 401 answers in `WWW-Authenticate`."""
        return 'Bearer realm="runsheet"'

    def _touch(self, token: ApiToken) -> None:
        # Looked at here first, so that a busy program costs one write a minute and no query otherwise.
        if token.last_used_at is None or timezone.now() - token.last_used_at > LAST_USED_GRAIN:
            ApiToken.objects.touch(token.pk)


class SessionAuthentication(authentication.SessionAuthentication):
    """The browser's session; every method that writes must carry the CSRF token."""

    def enforce_csrf(self, request: Request) -> None:
        """As in DRF, but with a stable error code of its own."""
        try:
            super().enforce_csrf(request)
        except PermissionDenied as fault:
            raise PermissionDenied(
                "The CSRF token is missing or wrong. Send the CSRF cookie's value as X-CSRFToken.",
                code="csrf_failed",
            ) from fault


def token_of(request: Any) -> ApiToken | None:
    """The API token of a request, or `None` for a session."""
    return request.auth if isinstance(request.auth, ApiToken) else None
