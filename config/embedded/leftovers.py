"""What an earlier, killed starter may have left: a postmaster still shutting down, backends, a stale pid file.

Two sets of backends on one data directory would corrupt it, so nothing starts before every process working in it
is gone. The caller holds the checkout's lock: whatever is found here has no living owner.
"""

import os
import signal
import time
from pathlib import Path

PATIENCE = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 5.0))


def processes_in(folder: Path) -> list[int]:
    """Processes whose working directory is `folder` (each PostgreSQL process stands in its data directory)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == folder:
                found.append(int(entry.name))
        except OSError:  # gone meanwhile, or another user's
            continue
    return found


def clear_leftovers(data: Path) -> None:
    """End what still works in `data`, then remove its pid file, whose number may long be somebody else's."""
    for number, patience_seconds in PATIENCE:
        for pid in processes_in(data):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + patience_seconds
        while processes_in(data) and time.monotonic() < deadline:
            time.sleep(0.02)
    (data / "postmaster.pid").unlink(missing_ok=True)
