"""How a deploy says who it is: by `RUNSHEET_DEPLOY_SECRET` as its bearer, without an account (`scheduler.md` 4)."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from scheduler.errors import RestartNotConfigured
from workspaces.errors import Throttled
from workspaces.origin import client_ip
from workspaces.throttling import Limiter
from workspaces.tokens import TOKEN_PREFIX

BEARER: Final = "Bearer "
"""To the letter: nothing else begins a deploy's header."""

RESTARTS_PER_MINUTE: Final = 10
RESTARTS: Final = Limiter()


class Deploy:
    """What `request.auth` is when the deploy secret was shown."""


DEPLOY: Final = Deploy()


class DeployAuthentication(BaseAuthentication):
    """Nobody in particular, with `request.auth` set, for the right secret; anything else is for others to judge."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Deploy] | None:
        """Touches neither session nor database."""
        header = request.headers.get("Authorization", "")
        if header.startswith(BEARER) and is_deploy_secret(header.removeprefix(BEARER)):
            return AnonymousUser(), DEPLOY
        return None

    def authenticate_header(self, request: Request) -> str:
        """What a 401 answers in `WWW-Authenticate`."""
        return 'Bearer realm="runsheet"'


class DeployScheme(OpenApiAuthenticationExtension):
    """The deploy secret as a bearer."""

    target_class = "scheduler.api.deploy_secret.DeployAuthentication"
    name = "deploy"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """The OpenAPI security scheme."""
        return {"type": "http", "scheme": "bearer", "description": "RUNSHEET_DEPLOY_SECRET of the install."}


def is_deploy_secret(shown: str) -> bool:
    """Whether this is the secret; takes as long whatever it is. Never while none is set."""
    wanted: str = settings.RUNSHEET_DEPLOY_SECRET
    # A header arrives as Latin-1, whatever its bytes meant.
    digests = (
        hashlib.sha256(shown.encode("latin-1", "replace")).digest(),
        hashlib.sha256(wanted.encode()).digest(),
    )
    return hmac.compare_digest(*digests) and bool(wanted)


def restart_spend(request: Request) -> None:
    """Count one call from this address, right or wrong. Raises `Throttled`."""
    wait = RESTARTS.hit(str(client_ip(request)), per_minute=RESTARTS_PER_MINUTE, now=time.monotonic())
    if wait:
        raise Throttled(f"Too many restarts. Try again in {wait:.0f} s.", retry_after_seconds=wait)


def credential_require(request: Request) -> None:
    """Refuse what can be neither a deploy nor an admin, before a session or a token is looked up.

    Raises `NotAuthenticated`, or `RestartNotConfigured` where no secret is set that could have been meant.
    """
    header = request.headers.get("Authorization")
    if header is None:
        meant = settings.SESSION_COOKIE_NAME in request.COOKIES
    else:
        shown = header.removeprefix(BEARER)
        meant = header.startswith(BEARER) and (shown.startswith(TOKEN_PREFIX) or is_deploy_secret(shown))
    if meant:
        return
    if not settings.RUNSHEET_DEPLOY_SECRET:
        raise RestartNotConfigured(error_type="permanent")
    raise NotAuthenticated
