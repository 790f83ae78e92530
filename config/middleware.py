"""The content security policy of every page (`interface.md` §4): our own files only, nothing inline."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
ADMIN_POLICY = POLICY.replace("script-src 'self'", "script-src 'self' 'unsafe-eval' 'unsafe-inline'").replace(
    "style-src 'self'", "style-src 'self' 'unsafe-inline'"
)
"""The admin skin evaluates Alpine expressions and writes inline styles; only superusers get there."""

DOCS_POLICY = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
    "script-src 'self'", "script-src 'self' 'unsafe-inline'"
)
"""Swagger UI, served from our own origin, starts from an inline script and styles itself."""

EXCEPTIONS = (("/admin/", ADMIN_POLICY), ("/api/v1/docs/", DOCS_POLICY))


class ContentSecurityPolicy:
    """Adds the header unless the view set its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Standard middleware construction."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer with the policy for this path."""
        response = self.get_response(request)
        policy = next((found for prefix, found in EXCEPTIONS if request.path.startswith(prefix)), POLICY)
        response.headers.setdefault("Content-Security-Policy", policy)
        return response
