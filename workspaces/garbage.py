"""When a process looks for garbage: seldom, and never among what it has loaded."""

from __future__ import annotations

import gc


def collect_less_often() -> None:
    """Call it once everything is loaded. Loaded code is never garbage, and our work makes few cycles.

    A full collection would walk it all the same, and hold every thread up for a tenth of a second
    (`docs/performance.md`).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
