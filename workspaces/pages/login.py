"""Signing in, with a limit on guessing."""

import math
import time
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView as DjangoLoginView
from django.forms import Form
from django.http import HttpRequest, HttpResponse

from workspaces.origin import client_ip
from workspaces.throttling import Limiter

ATTEMPTS: Final = Limiter()
ADDRESS_ALLOWANCE: Final = 3
"""An office behind one address may mistype this many times as often as one person."""


class LoginView(DjangoLoginView):
    """The login page.

    Beyond `RUNSHEET_MAX_LOGINS_PER_MINUTE` attempts on a name (or thrice as many from one address) it
    answers 429 without looking at the password. Success clears the name.
    """

    template_name = "runsheet/login.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Count the attempt, then check it."""
        wait_seconds = max(self._hits(request))
        if wait_seconds:
            return self._refused(math.ceil(wait_seconds))
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Sign in, and forget the failures before."""
        ATTEMPTS.forget(self._name_key(self.request))
        return super().form_valid(form)

    def _hits(self, request: HttpRequest) -> tuple[float, float]:
        per_minute: int = settings.RUNSHEET_MAX_LOGINS_PER_MINUTE
        now = time.monotonic()
        address = f"address:{client_ip(request)}"
        return (
            ATTEMPTS.hit(self._name_key(request), per_minute=per_minute, now=now),
            ATTEMPTS.hit(address, per_minute=per_minute * ADDRESS_ALLOWANCE, now=now),
        )

    def _name_key(self, request: HttpRequest) -> str:
        return f"name:{request.POST.get('username', '').casefold()[:150]}"

    def _refused(self, seconds: int) -> HttpResponse:
        form: Form = self.get_form_class()(self.request)
        context = self.get_context_data(form=form, retry_after_seconds=seconds)
        return self.render_to_response(context, status=429, headers={"Retry-After": str(seconds)})
