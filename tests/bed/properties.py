"""How many random cases a property test runs, and which: the same at every run, unless somebody goes looking for more.

EXPLORE=20 make unit    # twenty times as many, drawn anew each time
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

# Hypothesis also draws from the constants of whatever modules are loaded. Which these are depends on the tests that ran
# before in the same process, and with them the cases: the same at every run they would not be.
providers._get_local_constants = lambda: providers._local_constants


def cases(count: int) -> settings:
    """Settings of a property test that runs ``count`` cases."""
    times = int(os.environ.get("EXPLORE", "0"))
    return settings(
        max_examples=count * max(times, 1),
        derandomize=not times,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
