"""The demo's first table as data: its typed columns, and the five groups that fill the rest, in their order."""

from __future__ import annotations

from typing import Final

from config.demo import distributions, workflows
from config.demo.distributions import LICENCES
from config.demo.sheet import Column, Group, Sheet, choices

PACKAGE: Final = Column("package", "Package", "text", 190)
VERSION: Final = Column("version", "Version", "text", 110)
HOME_PAGE: Final = Column("home_page", "Home page", "url", 220)

AGES: Final = ("current", "recent", "old")
_SELF: Final = {"package": "package", "version": "version"}

GROUPS: Final = (
    Group(
        "Read metadata",
        "What a package says of itself, and how old the standard is that it says it by.",
        workflows.READ_METADATA,
        (
            Column("what_it_is", "What it is", "text", 320, "result.summary"),
            Column("licence", "Licence", "select", 130, "result.licence", choices(*LICENCES)),
            Column("dependencies", "Dependencies", "number", 120, "result.dependencies"),
            Column("metadata", "Metadata", "select", 110, "result.metadata", choices(*AGES)),
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
            Column("risk", "Risk", "select", 100, "result.level", choices("low", "medium", "high")),
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


def _records() -> list[tuple[str, ...]]:
    """One for each package that is installed here."""
    return [(each.name, each.version, distributions.home_page(each)) for each in distributions.installed()]


PACKAGES: Final = Sheet(
    name="Installed packages",
    about="An audit of the Python packages installed here: imported from a CSV, filled by five workflows.",
    things="packages",
    filename="installed-packages.csv",
    typed=(PACKAGE, VERSION, HOME_PAGE),
    identity=(PACKAGE, VERSION),
    groups=GROUPS,
    records=_records,
    again="0 3 * * *",
)
