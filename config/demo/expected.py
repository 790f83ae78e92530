"""The truth about the packages table: each value worked out again from the packages themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from config.demo import distributions
from config.demo.imports import ImportFailed, ImportTooSlow, import_modules
from config.demo.truth import Fails, Row, Truth, Values

_FORMATS: Final = {"2.3": "current", "2.4": "current", "2.5": "current", "2.2": "recent"}
_LICENCE_POINTS: Final = {"permissive": 0, "weak copyleft": 15, "copyleft": 40, "other": 20, "unknown": 25}


class Measured:
    """Equals any number that is not negative: what differs from one time to the next."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int | float) and not isinstance(other, bool) and other >= 0

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "a number"


class Near:
    """Equals a number that is at most half a last digit away."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int | float) and math.isclose(other, self.value, rel_tol=0, abs_tol=0.0501)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"about {self.value:g}"


def read_metadata(row: Row) -> Values:
    """Of the group of that name."""
    found = _find(row)
    return {
        "what_it_is": distributions.summary(found) or None,
        "licence": distributions.licence(found),
        "dependencies": distributions.dependencies(found),
        "metadata": _FORMATS.get(distributions.metadata_format(found), "old"),
    }


def measure(row: Row) -> Values:
    """Of the group of that name."""
    size = distributions.size(_find(row))
    return {
        "files": size.files,
        "size_kb": Near(size.bytes / 1000),
        "native_code": size.native,
        "largest_file": size.largest or None,
    }


def import_health(row: Row) -> Values:
    """Of the group of that name."""
    names = distributions.modules(_find(row))
    if not names:
        raise Fails("nothing_to_import", row["package"])
    return {"imports_as": ", ".join(names), "import_time_ms": Measured(), "modules_loaded": Measured()}


def import_again(row: Row) -> Values:
    """The same, and really imported once more: asked of cells that failed, since imports take their time."""
    wanted = import_health(row)
    try:
        import_modules(distributions.modules(_find(row)))
    except ImportFailed as fault:
        raise Fails("import_failed", str(fault).partition(":")[0]) from None
    except ImportTooSlow:
        raise Fails("import_too_slow", "longer") from None
    return wanted


def risk(row: Row) -> Values:
    """Of the group of that name."""
    score = _LICENCE_POINTS[row["licence"]]
    score += {"old": 15, "recent": 5}.get(row["metadata"], 0)
    score += 10 * bool(row.get("native_code"))
    score += 5 * (row["size_kb"] > 1000) + 10 * (row["size_kb"] > 10000)
    score += min(2 * row["dependencies"], 20)
    score += 10 * (row["modules_loaded"] > 500)
    return {"risk_score": score, "risk": "high" if score >= 40 else "medium" if score >= 20 else "low"}


def summary(row: Row) -> Values:
    """Of the group of that name."""
    rated = row.get("risk") is not None
    end = f"{row['risk']} risk ({row['risk_score']} points)" if rated else "too small to rate"
    facts = f"{row['licence']} licence, {_size(row['size_kb'])} in {row['files']} files"
    count = row["dependencies"]
    needs = {0: "nothing else", 1: "1 other package"}.get(count, f"{count} other packages")
    return {"summary": f"{row['package']} {row['version']}: {facts}, needs {needs}; {end}."}


def is_rated(row: Row) -> bool:
    """The condition of the group Risk."""
    return bool(row["size_kb"] >= 50)


def gone(row: Row) -> str:
    """Why there is nothing to compare a row with: this version of the package is not there any more."""
    try:
        _find(row)
    except Fails:
        return "no longer installed"
    return ""


def _size(kilobytes: float) -> str:
    """Rounded half up, as people do."""
    tenths = (Decimal(str(kilobytes)) / 1000).quantize(Decimal("0.1"), ROUND_HALF_UP)
    return f"{kilobytes} kB" if kilobytes < 1000 else f"{tenths} MB"


def _find(row: Row) -> Any:
    try:
        return distributions.find(row.get("package") or "", row.get("version") or "")
    except distributions.NotInstalled:
        raise Fails("not_installed", "not installed here") from None


_VALUES: Final[Mapping[str, Callable[[Row], Values]]] = {
    "Read metadata": read_metadata,
    "Measure": measure,
    "Import health": import_health,
    "Risk": risk,
    "Summary": summary,
}
TRUTH: Final = Truth(
    against="Python itself",
    values=_VALUES,
    of_failed={"Import health": import_again},
    conditions={"Risk": is_rated},
    gone=gone,
)
