"""What every file of the repository keeps to."""

import os
import re
from pathlib import Path

import pytest

from config.runtime import BASE_DIR

LINES = 400
FORBIDDEN_NAMES = {"utils.py", "helpers.py", "common.py", "misc.py"}
TOP_LEVEL = {
    "manage.py", "pyproject.toml", "Procfile", "config", "tables", "workflows", "scheduler", "tests", "workspaces",
    "docs", "deploy", "bench", "frontend", "Makefile", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE",
    "requirements.lock", "requirements-run.lock", "mkdocs.yml", "conftest.py",
}  # fmt: skip
GENERATED = re.compile(
    r"(\.lock|package-lock\.json|docs/guarantees\.md)$|/static/runsheet/vendor/|/migrations/0001_initial\.py$"
)
MACHINE_PATH = re.compile(r"(?<![\w.])/(work|root|home|tmp|opt|Users)/\w")
NAMED_ON_PURPOSE = {"tests/architecture/test_files.py"}


IGNORED = {"__pycache__", "node_modules", "var", "test-results"}


def repository_files() -> list[Path]:
    """Every file but what `.gitignore` keeps out; git itself may be absent, or refuse another user's checkout."""
    found = []
    for folder, names, files in os.walk(BASE_DIR):
        names[:] = [
            name for name in names if name not in IGNORED and (name == ".ci" or not name.startswith("."))
        ]
        found += [Path(folder, file).relative_to(BASE_DIR) for file in files]
    return sorted(path for path in found if path.suffix != ".pyc")


FILES = repository_files()
CODE = [
    path
    for path in FILES
    if path.suffix in {".py", ".js", ".css", ".html"} and not GENERATED.search(str(path))
]


def text_of(path: Path) -> str | None:
    """Its text, or None for a binary file."""
    try:
        return (BASE_DIR / path).read_text()
    except UnicodeDecodeError:
        return None


@pytest.mark.parametrize("path", CODE, ids=str)
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    length = len((BASE_DIR / path).read_text().splitlines())
    assert length <= LINES, f"{path} has {length} lines; split it by what its parts are for"


def test_no_file_is_named_after_nothing() -> None:
    assert [path for path in FILES if path.name in FORBIDDEN_NAMES] == []


def test_the_top_level_holds_nothing_unexpected() -> None:
    found = {path.parts[0] for path in FILES if not path.parts[0].startswith(".")}
    assert found <= TOP_LEVEL


def test_no_path_of_somebodys_machine() -> None:
    found = [
        f"{path}: {match.group()}"
        for path in FILES
        if str(path) not in NAMED_ON_PURPOSE and not GENERATED.search(str(path))
        for match in MACHINE_PATH.finditer(text_of(path) or "")
    ]
    assert found == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-run.lock"])
def test_locks_name_no_host_and_no_path(lock: str) -> None:
    lines = (BASE_DIR / lock).read_text().splitlines()
    strange = [line for line in lines if "://" in line or line.startswith(("-", "/", "."))]
    assert strange == []
