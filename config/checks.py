"""`manage.py check --deploy`: what Django's own deployment checks do not know about Runsheet."""

import ipaddress
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Tags, register

ROLES = {
    "REDIS_URL": "RUNSHEET_REDIS_URL",
    "RUNSHEET_BROKER_URL": "CELERY_BROKER_URL",
    "RUNSHEET_RESULT_URL": "CELERY_RESULT_BACKEND",
    "RUNSHEET_LOCKS_URL": "RUNSHEET_LOCKS_URL",
    "RUNSHEET_EVENTS_URL": "RUNSHEET_EVENTS_URL",
}


def is_this_machine(host: str) -> bool:
    """Whether the name or address can only mean this machine; a name other than `localhost` never does."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in {"localhost", ""}


@register(Tags.security, deploy=True)
def redis_is_closed(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[CheckMessage]:
    """A Redis that others can reach needs a password: whoever writes to the queues starts work."""
    found: list[CheckMessage] = []
    for variable, setting in ROLES.items():
        url = urlsplit(getattr(settings, setting) or "")
        if is_this_machine(url.hostname or ""):
            continue
        if not url.password:
            found.append(
                checks.Error(
                    f"{variable} names a server on the network without a password.",
                    hint="Set requirepass or an ACL user there, and write it into the URL.",
                    id="runsheet.E001",
                )
            )
        elif url.scheme in {"redis", "amqp"}:
            found.append(
                checks.Warning(
                    f"{variable} sends its password over the network in clear.",
                    hint=f"Use {url.scheme}s:// if the network between is not yours alone; else silence this check.",
                    id="runsheet.W001",
                )
            )
    return found
