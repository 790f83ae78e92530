"""A running install as one person sees it, with an ear at the browser's console."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from django.conf import settings
from django.test import Client
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    ViewportSize,
    WebError,
)

from tests.bed.factories import Sheet
from workspaces.models import User

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()


Scheme = Literal["light", "dark"]
VIEWPORT = ViewportSize(width=1_280, height=720)


@dataclass
class Kept:
    """Pages that outlast their test: one opens there in a third of the time, with its process and cache warm.

    Nothing of a test stays with it but what it hung on the page: a test that listens to its page's events for good
    takes a browser of its own.
    """

    browser: Browser
    options: dict[str, Any]
    idle: defaultdict[str, list[Page]] = field(default_factory=lambda: defaultdict(list))

    def take(self, url: str, viewport: ViewportSize = VIEWPORT, color_scheme: Scheme = "light") -> Page:
        """One for this install that nobody has, empty and signed out."""
        idle = self.idle[url]
        page = idle.pop() if idle else self.browser.new_context(**self.options, base_url=url).new_page()
        session = page.context.new_cdp_session(page)
        session.send("Storage.clearDataForOrigin", {"origin": url, "storageTypes": "all"})
        session.detach()
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=color_scheme)
        page.mouse.move(0, 0)
        return page

    def give_back(self, url: str, page: Page) -> None:
        """The next test may have it; what is asked before it is left is waved through, what it opened is closed."""
        for other in page.context.pages:
            if other is not page:
                other.close()
        page.unroute_all(behavior="ignoreErrors")
        page.on("dialog", _accept)
        page.goto("about:blank")
        page.remove_listener("dialog", _accept)
        self.idle[url].append(page)


def _accept(dialog: Dialog) -> None:
    dialog.accept()


@dataclass
class Watched:
    """Contexts whose consoles are listened to. `expected` holds parts of messages a test provokes on purpose."""

    kept: Kept
    faults: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)
    taken: list[tuple[str, Page]] = field(default_factory=list)

    def open(self, **options: Any) -> BrowserContext:
        """A browser of its own; whatever its pages complain of fails the test."""
        context = self.kept.browser.new_context(**{**self.kept.options, **options})
        self.contexts.append(context)
        self._listen(context)
        return context

    def page(self, url: str, *, own: bool = False, **options: Any) -> Page:
        """A page of an install in a browser that has no other page, and nothing of an earlier one.

        ``own``: it is thrown away afterwards, as one with options that a page cannot be given later always is.
        """
        if own or not options.keys() <= {"viewport", "color_scheme"}:
            return self.open(base_url=url, **options).new_page()
        page = self.kept.take(url, **options)
        self.taken.append((url, page))
        self._listen(page.context)
        return page

    def end(self, *, is_well: bool) -> None:
        """No page is left as it is; none of a test that failed is given to another, as nobody knows what is in it."""
        for context in self.contexts:
            context.close()
        for url, page in self.taken:
            page.context.remove_listener("console", self._console)
            page.context.remove_listener("weberror", self._error)
            if is_well:
                self.kept.give_back(url, page)
            else:
                page.context.close()

    def _listen(self, context: BrowserContext) -> None:
        context.set_default_timeout(20_000)
        context.on("console", self._console)
        context.on("weberror", self._error)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(part in message.text for part in self.expected):
            self.faults.append(f"{message.text} at {message.location.get('url')}")

    def _error(self, error: WebError) -> None:
        self.faults.append(f"exception: {error.error}")


@dataclass
class Site:
    """A running install seen by one person."""

    url: str
    watched: Watched

    def page(self, path: str = "/", *, username: str = "mk", **options: Any) -> Page:
        """A page of a browser of its own, signed in by a session cookie."""
        client = Client()
        client.force_login(User.objects.get(username=username))
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        page = self.watched.page(self.url, **options)
        page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": self.url}])
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
