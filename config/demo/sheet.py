"""The demo's table as data: its typed columns, and the five workflow groups that fill the rest, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from config.demo import workflows
from config.demo.distributions import LICENCES

TABLE: Final = "Installed packages"
ABOUT: Final = (
    "An audit of the Python packages installed here: imported from a CSV, filled by five workflows."
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `path` is what fills it, empty for one that is typed or imported. `key` is its storage key."""

    key: str
    name: str
    type: str
    width: int
    path: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def wanted(self) -> dict[str, Any]:
        """As the API takes it."""
        return {"name": self.name, "type": self.type, "options": dict(self.options)}


@dataclass(frozen=True, slots=True)
class Group:
    """One workflow group with the workflow of the same name. Columns are named by their keys."""

    name: str
    about: str
    definition: workflows.Definition
    outputs: tuple[Column, ...]
    inputs: Mapping[str, str] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    condition: str = ""


def _choices(*names: str) -> dict[str, Any]:
    return {"choices": list(names)}


PACKAGE: Final = Column("package", "Package", "text", 190)
VERSION: Final = Column("version", "Version", "text", 110)
HOME_PAGE: Final = Column("home_page", "Home page", "url", 220)
TYPED: Final = (PACKAGE, VERSION, HOME_PAGE)

AGES: Final = ("current", "recent", "old")
_SELF: Final = {"package": "package", "version": "version"}

GROUPS: Final = (
    Group(
        "Read metadata",
        "What a package says of itself, and how old the standard is that it says it by.",
        workflows.READ_METADATA,
        (
            Column("what_it_is", "What it is", "text", 320, "result.summary"),
            Column("licence", "Licence", "select", 130, "result.licence", _choices(*LICENCES)),
            Column("dependencies", "Dependencies", "number", 120, "result.dependencies"),
            Column("metadata", "Metadata", "select", 110, "result.metadata", _choices(*AGES)),
        ),
        inputs=_SELF,
        depends_on=("package", "version"),
    ),
    Group(
        "Measure",
        "Its files, counted and measured on disk.",
        workflows.MEASURE,
        (
            Column("files", "Files", "number", 90, "result.files"),
            Column("size_kb", "Size (kB)", "number", 110, "result.kilobytes"),
            Column("native_code", "Native code", "boolean", 110, "result.native"),
            Column("largest_file", "Largest file", "text", 260, "result.largest"),
        ),
        inputs=_SELF,
        depends_on=("package", "version"),
    ),
    Group(
        "Import health",
        "Really imports it, in a fresh interpreter. Some cannot be: their cells fail, and say why.",
        workflows.IMPORT_HEALTH,
        (
            Column("imports_as", "Imports as", "text", 170, "result.names"),
            Column("import_time_ms", "Import time (ms)", "number", 140, "result.milliseconds"),
            Column("modules_loaded", "Modules loaded", "number", 140, "result.modules"),
        ),
        inputs=_SELF,
        depends_on=("files",),
    ),
    Group(
        "Risk",
        "Points for what could hurt later; packages under 50 kB are not worth rating.",
        workflows.RATE_RISK,
        (
            Column("risk_score", "Risk score", "number", 100, "result.score"),
            Column("risk", "Risk", "select", 100, "result.level", _choices("low", "medium", "high")),
        ),
        inputs={
            "licence": "licence",
            "metadata": "metadata",
            "native": "native_code",
            "dependencies": "dependencies",
            "kilobytes": "size_kb",
            "modules": "modules_loaded",
        },
        depends_on=("licence", "metadata", "size_kb", "modules_loaded"),
        condition="row.size_kb >= 50",
    ),
    Group(
        "Summary",
        "One sentence from all the columns before it.",
        workflows.WRITE_SUMMARY,
        (Column("summary", "Summary", "text", 560, "result"),),
        depends_on=("licence", "size_kb", "imports_as"),
    ),
)
"""Risk and Summary wait for Import health: where an import failed they are skipped, and name the column they miss."""
