"""What browser tests stand on: a signed-in page on real processes, and no tolerance for errors in the console."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, Page, expect

from config.runtime import BASE_DIR
from tests.bed.processes import KeptStack, StartStack

if TYPE_CHECKING:  # this file is read before Django is set up
    from tests.browser.site import Kept, Site, Watched
    from workspaces.models import User, Workspace

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
"""Playwright's sync API runs an event loop in this thread, beside which Django's ORM would refuse to work."""

expect.set_options(timeout=20_000)  # a bound for machines that do much else, not a measure

STATIC = BASE_DIR / "config" / "static"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on the same processes follow one another: starting others takes longer than most of these tests."""
    here = Path(__file__).parent
    places = [place for place, item in enumerate(items) if here in item.path.parents]
    for place, item in zip(places, sorted((items[place] for place in places), key=processes_of), strict=True):
        items[place] = item


def processes_of(item: pytest.Item) -> int:
    """What runs beside a test: web alone, nothing, what it starts itself, all processes of one box."""
    names = getattr(item, "fixturenames", ())
    return next((at for at, name in ((0, "still_site"), (3, "site"), (2, "start_stack")) if name in names), 1)


@pytest.fixture(scope="session")
def kept_pages(browser: Browser, browser_context_args: dict[str, Any]) -> Kept:
    """Pages that go from test to test, until the browser itself is closed."""
    from tests.browser.site import Kept

    return Kept(browser, browser_context_args)


@pytest.fixture
def watched(request: pytest.FixtureRequest, kept_pages: Kept) -> Iterator[Watched]:
    """Opens browsers; at the end none may have logged an error, a CSP violation among them."""
    from tests.browser.site import Watched

    found = Watched(kept_pages)
    failed = request.session.testsfailed
    yield found
    found.end(is_well=request.session.testsfailed == failed)
    assert found.faults == []


@pytest.fixture
def workspace(transactional_db: None) -> Workspace:
    """A workspace with one editor, `mk`."""
    from tests.bed.factories import workspace_make
    from workspaces.models import Membership, User
    from workspaces.states import Role

    made = workspace_make()
    user = User.objects.create_user(username="mk", password="a password of words")
    Membership.objects.create(user=user, workspace=made, role=Role.EDITOR)
    return made


@pytest.fixture
def boss(workspace: Workspace) -> User:
    """An admin of the workspace."""
    from workspaces.models import Membership, User
    from workspaces.states import Role

    user = User.objects.create_user(username="boss", password="a password of words")
    Membership.objects.create(user=user, workspace=workspace, role=Role.ADMIN)
    return user


@pytest.fixture(scope="session")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the blocks of `tests.bed.blocks` leave their traces."""
    return tmp_path_factory.mktemp("trace") / "trace"


@pytest.fixture
def site(kept_stack: KeptStack, workspace: Workspace, watched: Watched, trace: Path) -> Site:
    """All processes of one box, with a function that takes its time."""
    from tests.browser.site import Site

    started = kept_stack.get(
        RUNSHEET_BLOCKS="tests.bed.blocks", TEST_TRACE=str(trace), RUNSHEET_STORM_FAILURES="12"
    )
    return Site(started.url, watched)


@pytest.fixture
def still_site(kept_stack: KeptStack, workspace: Workspace, watched: Watched) -> Site:
    """The web process alone: pages that nothing happens on."""
    from tests.browser.site import Site

    return Site(kept_stack.get("web").url, watched)


@pytest.fixture
def alone(kept_stack: KeptStack) -> None:
    """No other processes than the test's own."""
    kept_stack.stop()


@pytest.fixture
def start_stack(alone: None, start_stack: StartStack) -> StartStack:
    """For processes that this test starts in a way of its own."""
    return start_stack


@pytest.fixture
def modules(watched: Watched) -> Page:
    """An empty page that can `import()` our modules, without any server."""
    page = watched.page("http://runsheet.test")

    def serve(route: Any) -> None:
        path = route.request.url.removeprefix("http://runsheet.test")
        if path == "/":
            route.fulfill(content_type="text/html", body="<!doctype html><link rel=icon href=data:,>")
        else:
            route.fulfill(path=STATIC / path.removeprefix("/static/"), content_type="text/javascript")

    page.route("http://runsheet.test/**", serve)
    page.goto("http://runsheet.test/")
    return page
