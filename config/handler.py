"""HTTP under ASGI, with every middleware and the view in one thread."""

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class ThreadedHandler(ASGIHandler):
    """Django's handler for an application whose middleware and views are all synchronous.

    Django's own passes each request from the event loop to a thread and back at every middleware that could be either:
    about twenty times, 15 ms of them. Here it changes over once. Views may still be ``async``: Django runs them.
    """

    def __init__(self) -> None:
        """Load the middleware in its synchronous form."""
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """The response, made by one call in the thread that this request has for itself."""
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)
