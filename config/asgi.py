"""What uvicorn serves: HTTP by Django, sockets by Channels behind an origin check and the session."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)  # the imports below need the apps

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.urls import get_resolver  # noqa: E402

from config.handler import ThreadedHandler  # noqa: E402
from config.workspace_socket import websocket_urlpatterns as of_workspaces  # noqa: E402
from tables.routing import websocket_urlpatterns as of_tables  # noqa: E402
from workflows.routing import websocket_urlpatterns as of_runs  # noqa: E402
from workspaces.garbage import collect_less_often  # noqa: E402

sockets = URLRouter([*of_tables, *of_runs, *of_workspaces])
application = ProtocolTypeRouter(
    {
        "http": ThreadedHandler(),
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(sockets)),
    }
)
get_resolver().url_patterns  # noqa: B018  every view is loaded now, instead of by the first request
collect_less_often()
