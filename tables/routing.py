"""Websocket paths of tables."""

from django.urls import path

from tables.consumers import TableConsumer

websocket_urlpatterns = [path("ws/tables/<uuid:table_id>/", TableConsumer.as_asgi())]
