"""A benchmark's figures as one Markdown table, or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number; ``against`` is what it is held to in the same run, if anything."""

    code: str
    what: str
    value: float
    unit: str
    against: float | None
    goal: str

    @property
    def ratio(self) -> float | None:
        """Value by comparison."""
        return None if not self.against else self.value / self.against


def markdown(figures: Sequence[Figure]) -> str:
    """One row per figure."""
    lines = ["| | what | Runsheet | compared with | ratio | goal |", "| --- | --- | --- | --- | --- | --- |"]
    for figure in figures:
        against = "—" if figure.against is None else f"{_number(figure.against)} {figure.unit}"
        ratio = "—" if figure.ratio is None else f"{figure.ratio:.2f} ×"
        value = f"{_number(figure.value)} {figure.unit}"
        lines.append(f"| {figure.code} | {figure.what} | {value} | {against} | {ratio} | {figure.goal} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    """Three figures that count, never with an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def as_json(figures: Sequence[Figure]) -> list[dict[str, object]]:
    """The same for programs."""
    return [{**asdict(figure), "ratio": figure.ratio} for figure in figures]
