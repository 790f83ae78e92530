"""Where a request came from, for the audit log and the limits on guessing."""

import ipaddress

import structlog
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.settings import api_settings


def client_ip(request: HttpRequest | Request) -> str | None:
    """The address of the client, believing only as many proxies as stand before us (`NUM_PROXIES`)."""
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    proxies: int = api_settings.NUM_PROXIES or 0
    address = hops[-min(proxies, len(hops))] if proxies and hops else request.META.get("REMOTE_ADDR", "")
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:  # a unix socket or a test client has none
        return None


def request_id() -> str:
    """The id under which the logs know the request under way (django-structlog makes it); blank outside one."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))
