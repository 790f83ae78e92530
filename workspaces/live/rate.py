"""How many things happen a second. Pure: the caller reads the clock."""

from __future__ import annotations

from collections import deque


class Rate:
    """Things per second over the last second, on a clock the caller reads."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()
        self._total = 0

    def add(self, count: int, now: float) -> int:
        """Count `count` more at `now` (seconds) and return the number within the last second."""
        self._seen.append((now, count))
        self._total += count
        while self._seen[0][0] <= now - 1.0:
            self._total -= self._seen.popleft()[1]
        return self._total
