"""When a run had better stop itself: cell after cell of a group fails (the storm guard of `interface.md`). Pure.

A provider that is down fails every row, and each of them may cost. Cells end in any order, so they are judged window
by window: one that completed breaks the row of failures.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping


def failing_after(
    failing: Mapping[str, int], failed: Mapping[str, int], completed: Collection[str]
) -> dict[str, int]:
    """How many cells of each group have failed since one of it last completed, after another window.

    ``failing`` is what it was before; ``failed`` counts the window's failed cells by group, ``completed`` names the
    groups of which any cell completed in it. Groups at zero are left out.
    """
    counts = {group: failing.get(group, 0) + failed.get(group, 0) for group in {*failing, *failed}}
    return {group: count for group, count in counts.items() if count and group not in completed}


def storm(failing: Mapping[str, int], most: int) -> str | None:
    """The group that fails as often as may be borne, or ``None``; ``most`` = 0 bears everything."""
    if not most:
        return None
    return max(
        (group for group, count in failing.items() if count >= most), key=failing.__getitem__, default=None
    )
