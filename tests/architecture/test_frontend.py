"""What the browser's files keep to: small modules, imports that hashed names survive, vendored files untouched."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest

from config.runtime import BASE_DIR
from config.templatetags.modules import preload_modules

STATIC = BASE_DIR / "config" / "static" / "runsheet"
MODULES = sorted(path for path in STATIC.rglob("*.js") if "vendor" not in path.parts)
VENDORED = (STATIC / "vendor", BASE_DIR / "tests" / "browser" / "vendor")
PAGE_BYTES = 60_000
"""What may come before a page shows what it is for. What comes beside it, by `import()`, is not weighed."""

MOST_LINES = 16_500
"""As Prettier lays it out at 120 columns; a sixth of it is comments. The specification foresaw 6,000."""

PAGES = {
    "table": ("sheet/element.js",),
    "tables": ("tables/list.js", "workspace.js"),
    "run": ("run/page.js",),
    "approvals": ("workspace.js",),
    "runs": ("run/list.js", "workspace.js"),
    "triggers": ("triggers/list.js", "workspace.js"),
    "trigger": ("triggers/form.js",),
    "invocations": ("triggers/invocations.js", "workspace.js"),
    "scheduler": ("triggers/scheduler.js", "workspace.js"),
    "settings": ("settings/page.js",),
    "workflows": ("flow/workflows.js",),
    "workflow": ("flow/editor.js",),
}
"""Which islands a page may load, by what they are for."""

TEMPLATES = {"settings": "settings_base", "trigger": "trigger_form"}
"""Those that are not named like their page."""

STYLES = {
    "tables": ("tables",),
    "settings": ("settings",),
    "table": ("sheet", "tools", "run", "side", "ranges", "edit"),
    "workflows": ("run", "flow"),
    "workflow": ("run", "flow"),
    "run": ("run",),
    "runs": ("run",),
    "triggers": ("run", "triggers"),
    "trigger": ("triggers",),
    "invocations": ("run", "triggers"),
    "scheduler": ("triggers",),
}
"""Which style sheets a page links beside those that all have."""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_is_small_and_its_imports_can_be_rewritten(path: Path) -> None:
    text = path.read_text()
    lines = text.splitlines()
    assert len(lines) <= 250
    assert max(map(len, lines)) <= 120
    for line in re.findall(r"^import .*$", text, re.MULTILINE):
        assert re.fullmatch(r'import (.* from )?"\.{1,2}/[\w./-]+\.js";', line), (
            f"end with ; and be relative: {line}"
        )
    for argument in re.findall(r"\bimport\((.*?)\)", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)):
        assert re.fullmatch(r'"\./[\w./-]+\.js"', argument), f"dynamic imports are literal: {argument}"


def test_our_own_javascript_stays_within_its_budget() -> None:
    assert sum(len(path.read_text().splitlines()) for path in MODULES) <= MOST_LINES


def test_no_module_comes_back_to_itself() -> None:
    """A hashed name depends on what a file imports: files that import each other would have none."""
    imports = {path: imports_of(path) | imported_later(path) for path in MODULES}
    while leaves := {path for path, others in imports.items() if not others & imports.keys()}:
        imports = {path: others for path, others in imports.items() if path not in leaves}
    assert not imports, sorted(path.name for path in imports)


def imports_of(path: Path) -> set[Path]:
    """What comes with a module."""
    named = re.findall(r'(?:from|^import) ?"(\.{1,2}/[^"]+)"', path.read_text(), re.MULTILINE)
    return {(path.parent / name).resolve() for name in named}


def imported_later(path: Path) -> set[Path]:
    """What a module asks for by ``import()``."""
    return {(path.parent / name).resolve() for name in re.findall(r'import\("([^"]+)"\)', path.read_text())}


def loaded_by(entries: list[Path]) -> set[Path]:
    """The modules that come with these, by their static imports."""
    found: set[Path] = set()
    waiting = list(entries)
    while waiting:
        path = waiting.pop().resolve()
        if path not in found:
            found.add(path)
            waiting += imports_of(path)
    return found


@pytest.mark.parametrize("page", PAGES, ids=list(PAGES))
def test_a_page_weighs_little(page: str) -> None:
    scripts = loaded_by([STATIC / name for name in ("main.js", *PAGES[page])])
    styles = [STATIC / "css" / f"{name}.css" for name in ("tokens", "base", *STYLES.get(page, ()))]
    files = [*scripts, *styles]
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) <= PAGE_BYTES


@pytest.mark.parametrize("page", PAGES, ids=list(PAGES))
def test_a_page_names_all_modules_it_needs_at_once(page: str) -> None:
    entries = ("main.js", *PAGES[page])
    named = re.findall(
        r'<link rel="modulepreload" href="/static/runsheet/([^"]+)">', preload_modules(*entries)
    )
    assert len(named) == len(set(named))
    assert {STATIC / name for name in named} == loaded_by([STATIC / name for name in entries])
    (template,) = BASE_DIR.glob(f"*/templates/runsheet/{TEMPLATES.get(page, page)}.html")
    (block,) = re.findall(r"{% preload_modules (.*?) %}", template.read_text())
    assert re.findall(r'"([^"]+)"', block) == list(entries)


def test_every_island_is_weighed_on_some_page() -> None:
    islands = set(re.findall(r'import\("\./([^"]+)"\)', (STATIC / "main.js").read_text()))
    assert islands <= {"ui/jobs.js", *(name for names in PAGES.values() for name in names)}


@pytest.mark.parametrize("folder", VENDORED, ids=lambda folder: str(folder.relative_to(BASE_DIR)))
def test_vendored_files_are_what_their_note_says(folder: Path) -> None:
    note = (folder / "VENDOR.md").read_text()
    listed = dict(re.findall(r"^\| (\S+\.\w+) \|.*\| ([0-9a-f]{64}) \|$", note, re.MULTILINE))
    found = {path.name for path in folder.iterdir() if path.suffix in {".js", ".woff2"}}
    assert found == set(listed)
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert b"sourceMappingURL" not in b"".join((folder / name).read_bytes() for name in listed)
