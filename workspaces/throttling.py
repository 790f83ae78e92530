"""Counting how often someone does something, in the memory of one process.

Never in Redis: a hanging Redis must not slow a read down (F6). With several web processes the real
limit is that many times higher, which is what such limits are for: they stop floods, they bill nobody.
"""

import threading
from typing import Final

WINDOW_SECONDS: Final = 60.0
SWEEP_ABOVE: Final = 10_000


class Limiter:
    """At most `per_minute` hits a key and minute, by the generic cell rate algorithm.

    A key's whole state is one instant: when it will have paid for all its hits, at one hit per
    `60 / per_minute` seconds. A hit is refused while that lies more than a minute ahead.
    """

    def __init__(self) -> None:
        """Starts empty; the rate is named at each hit, so that settings may change it."""
        self._paid_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def hit(self, key: str, *, per_minute: int, now: float) -> float:
        """Count one hit at `now` (monotonic seconds); returns 0, or the seconds to wait if refused."""
        interval = WINDOW_SECONDS / per_minute
        with self._lock:
            paid_at = max(self._paid_at.get(key, now), now) + interval
            if paid_at - now > WINDOW_SECONDS + interval / 2:  # half a hit of grace for rounding
                return paid_at - now - WINDOW_SECONDS
            self._paid_at[key] = paid_at
            if len(self._paid_at) > SWEEP_ABOVE:
                self._paid_at = {name: paid for name, paid in self._paid_at.items() if paid > now}
        return 0.0

    def forget(self, key: str) -> None:
        """Give a key its whole budget back (a login that succeeded)."""
        with self._lock:
            self._paid_at.pop(key, None)
