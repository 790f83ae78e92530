"""Pictures of the main screens for the documentation: the demo on real processes, seen by Chromium.

python -m tests.browser.screenshots [folder]    # docs/screenshots by default; also `make screenshots`

Each screen is taken in light, dark and at the width of a phone, with at most 256 colours, so that a picture weighs some
ten kilobytes.
"""

from __future__ import annotations

import base64
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

from config.runtime import BASE_DIR
from tests.bed.chromium import find_chromium, launch_flags

LOOKS: Final[dict[str, dict[str, Any]]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1_440, "height": 860}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1_440, "height": 860}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 800}},
}
READY: Final = "Ctrl-C stops it."
QUANTISE: Final = """async (picture) => {
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${picture}`)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height), brush = canvas.getContext("2d");
  brush.drawImage(image, 0, 0);
  const pixels = new Uint32Array(brush.getImageData(0, 0, image.width, image.height).data.buffer), seen = new Map();
  for (const pixel of pixels) seen.set(pixel, (seen.get(pixel) || 0) + 1);
  const parts = (colour) => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
  const palette = [...seen].sort((a, b) => b[1] - a[1]).slice(0, 256).map(([colour]) => colour);
  const kept = palette.map(parts), nearest = new Map(palette.map((colour, place) => [colour, place]));
  for (const colour of seen.keys()) {
    if (nearest.has(colour)) continue;
    const [r, g, b] = parts(colour);
    let best = 0, least = Infinity;
    kept.forEach(([x, y, z], place) => {
      const far = (r - x) ** 2 + (g - y) ** 2 + (b - z) ** 2;
      if (far < least) [best, least] = [place, far];
    });
    nearest.set(colour, best);
  }
  const places = Uint8Array.from(pixels, (pixel) => nearest.get(pixel));
  let text = "";
  for (let at = 0; at < places.length; at += 8192) text += String.fromCharCode(...places.subarray(at, at + 8192));
  return { width: image.width, height: image.height, palette: kept.flat(), pixels: btoa(text) };
}"""
"""The most frequent colours stay as they are; the others become the nearest of them. An empty page has no policy."""


def small_png(page: Page, picture: bytes) -> bytes:
    """The picture with a palette."""
    found = page.evaluate(QUANTISE, base64.b64encode(picture).decode())
    width, pixels = found["width"], base64.b64decode(found["pixels"])
    rows = (b"\0" + pixels[at : at + width] for at in range(0, len(pixels), width))
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, found["height"], 8, 3, 0, 0, 0)),
        (b"PLTE", bytes(found["palette"])),
        (b"IDAT", zlib.compress(b"".join(rows), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )


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


SCREENS: Final[dict[str, Callable[[Page], None]]] = {
    "tables": at("/"),
    "grid": grid("Support tickets"),
    "import": importing,
    "workflows": at("/workflows/"),
    "workflow": first("/workflows/", "main table a[href^='/workflows/']"),
    "runs": at("/runs/"),
    "run": first("/runs/", "[data-run] .name a"),
    "approvals": at("/approvals/"),
    "triggers": at("/triggers/"),
    "trigger": at("/triggers/new/"),
    "settings": at("/settings/"),
}


def take(browser: Browser, address: str, password: str, folder: Path) -> None:
    """Sign in once per look, and take every screen."""
    plain = browser.new_page()
    for look, options in LOOKS.items():
        context = browser.new_context(base_url=address, reduced_motion="reduce", **options)
        page = context.new_page()
        page.goto("/login/")
        page.get_by_label("Username").fill("demo")
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        for name, go in SCREENS.items():
            go(page)
            page.wait_for_load_state("networkidle")
            page.evaluate("document.fonts.ready")
            picture = small_png(plain, page.screenshot())
            (folder / f"{name}-{look}.png").write_bytes(picture)
            print(f"{name}-{look}.png  {len(picture) / 1024:.0f} kB", flush=True)  # noqa: T201
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
