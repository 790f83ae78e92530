"""Pictures of the main screens for the documentation: the demo on real processes, seen by Chromium.

python -m tests.browser.screenshots [folder]    # docs/screenshots by default; also `make screenshots`

Each screen is taken in light, dark and at the width of a phone.
"""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from config.runtime import BASE_DIR
from tests.bed.chromium import find_chromium, launch_flags

LOOKS: Final[dict[str, dict[str, Any]]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1_440, "height": 860}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1_440, "height": 860}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 800}},
}
READY: Final = "Ctrl-C stops it."


def small(picture: bytes) -> bytes:
    """The picture as lossless WebP: a third of the PNG."""
    packed = io.BytesIO()
    Image.open(io.BytesIO(picture)).save(packed, "WEBP", lossless=True, method=6)
    return packed.getvalue()


@contextmanager
def demo() -> Iterator[tuple[str, str]]:
    """The demo in a folder of its own: its address, and the password of `demo`."""
    with tempfile.TemporaryDirectory() as folder:
        env = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
        command = [sys.executable, str(BASE_DIR / "manage.py"), "demo"]
        env |= {"RUNSHEET_VAR": folder, "RUNSHEET_MODE": "development", "COLUMNS": "200"}
        with subprocess.Popen(command, env=env, cwd=BASE_DIR, stdout=subprocess.PIPE, text=True) as process:
            try:
                said = ""
                while READY not in said:
                    line = process.stdout.readline() if process.stdout else ""
                    if not line:
                        raise SystemExit(f"The demo did not start:\n{said}")
                    said += line
                address = re.search(r"http://[\w.]+:\d+", said)
                assert address is not None
                yield address[0], (Path(folder) / "demo_password").read_text()
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(60)


def first(path: str, inside: str) -> Callable[[Page], None]:
    """Follow the first link of this kind on a page."""

    def go(page: Page) -> None:
        page.goto(path)
        page.goto(str(page.locator(inside).first.get_attribute("href")))

    return go


def grid(name: str, then: Callable[[Page], None] = lambda page: None) -> Callable[[Page], None]:
    """The grid of a table."""

    def go(page: Page) -> None:
        page.goto("/")
        page.goto(str(page.get_by_role("link", name=name, exact=True).first.get_attribute("href")))
        page.locator(".sheet:not([aria-busy])").wait_for()
        then(page)

    return go


def at(path: str) -> Callable[[Page], None]:
    """A page by its path."""
    return lambda page: void(page.goto(path))


def void(_: object) -> None:
    """For calls whose answer nobody wants."""


def importing(page: Page) -> None:
    """The import dialog over a small file."""
    page.goto("/")
    page.get_by_role("button", name="Import CSV").click()
    rows = [
        "Company,Domain,Employees,Since",
        *(f"Solar {n},solar{n}.example,{n * 131 + 7},2024-0{n}-11" for n in range(1, 8)),
    ]
    content = "\n".join(rows).encode()
    page.get_by_label("File").set_input_files(
        {"name": "eu_prospects.csv", "mimeType": "text/csv", "buffer": content}
    )
    page.locator(".preview tbody tr").first.wait_for()


def menu(page: Page) -> None:
    """What a group may run on."""
    page.get_by_role("columnheader").get_by_role("button", name=re.compile("^Run ")).first.click()


def trace(page: Page) -> None:
    """What a cell's run did."""
    page.locator('.sheet-row[data-number="2"] [data-column="category"]').click(button="right")
    page.get_by_role("button", name="Show details").click()
    page.get_by_role("complementary", name="Cell").get_by_role("list", name="Steps").wait_for()


def group(page: Page) -> None:
    """A workflow's columns, as they are set up."""
    page.get_by_role("columnheader").get_by_role("button", name=re.compile("^Run ")).first.click(
        button="right"
    )
    page.get_by_role("button", name="Edit group…").click()
    page.get_by_role("complementary", name="Workflow columns").wait_for()


def running(page: Page) -> None:
    """A whole table that runs again."""
    page.get_by_role("button", name="Run all").click()
    page.get_by_role("radio", name="Everything").click()
    page.get_by_role("dialog").get_by_role("button", name="All rows").click()
    page.locator('.pill[data-state="running"]').first.wait_for()


SCREENS: Final[dict[str, Callable[[Page], None]]] = {
    "tables": at("/"),
    "grid": grid("Support tickets"),
    "menu": grid("Installed packages", menu),
    "group": grid("Installed packages", group),
    "trace": grid("Support tickets", trace),
    "running": grid("Support tickets", running),
    "import": importing,
    "workflows": at("/workflows/"),
    "workflow": first("/workflows/", "main table a[href^='/workflows/']"),
    "runs": at("/runs/"),
    "run": first("/runs/", "[data-run] .name a"),
    "approvals": at("/approvals/"),
    "triggers": at("/triggers/"),
    "trigger": at("/triggers/new/"),
    "invocations": at("/invocations/"),
    "scheduler": at("/scheduler/"),
    "settings": at("/settings/"),
}


WIDE: Final = {"menu", "group", "trace"}
"""On a phone rows are cards without a header."""


def take(browser: Browser, address: str, password: str, folder: Path) -> None:
    """Sign in once per look, and take every screen."""
    for look, options in LOOKS.items():
        context = browser.new_context(base_url=address, reduced_motion="reduce", **options)
        page = context.new_page()
        page.goto("/login/")
        page.get_by_label("Username").fill("demo")
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        for name, go in SCREENS.items():
            if look == "phone" and name in WIDE:
                continue
            go(page)
            page.wait_for_load_state("networkidle")
            page.evaluate("document.fonts.ready")
            picture = small(page.screenshot())
            (folder / f"{name}-{look}.webp").write_bytes(picture)
            print(f"{name}-{look}.webp  {len(picture) / 1024:.0f} kB", flush=True)  # noqa: T201
        context.close()


def main() -> None:
    """Take them all."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else BASE_DIR / "docs" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    with demo() as (address, password), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=launch_flags())
        take(browser, address, password, folder)
        browser.close()


if __name__ == "__main__":
    main()
