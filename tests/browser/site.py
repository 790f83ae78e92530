"""A running install as one person sees it, with an ear at the browser's console."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.bed.factories import Sheet
from workspaces.models import User

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()


@dataclass
class Watched:
    """Contexts whose consoles are listened to. `expected` holds parts of messages a test provokes on purpose."""

    browser: Browser
    options: dict[str, Any]
    faults: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def open(self, **options: Any) -> BrowserContext:
        """A browser of its own; whatever its pages complain of fails the test."""
        context = self.browser.new_context(**{**self.options, **options})
        context.set_default_timeout(20_000)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.faults.append(f"exception: {error.error}"))
        self.contexts.append(context)
        return context

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(part in message.text for part in self.expected):
            self.faults.append(f"{message.text} at {message.location.get('url')}")


@dataclass
class Site:
    """A running install seen by one person."""

    url: str
    watched: Watched

    def page(self, path: str = "/", *, username: str = "mk", **options: Any) -> Page:
        """A page of a browser of its own, signed in by a session cookie."""
        client = Client()
        client.force_login(User.objects.get(username=username))
        context = self.watched.open(base_url=self.url, **options)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": self.url}])
        page = context.new_page()
        page.goto(path)
        return page

    def grid(self, sheet: Sheet, **options: Any) -> Page:
        """The page of a table, its rows shown."""
        page = self.page(f"/tables/{sheet.table.id}/", **options)
        page.locator(".sheet:not([aria-busy])").wait_for()
        return page


def axe_faults(page: Page) -> list[str]:
    """Serious and critical findings of axe on the page as it is."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {rule['help']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]
