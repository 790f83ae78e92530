"""Finds the Chromium that browser tests drive, or installs Debian's when it may: `python -m tests.bed.chromium`."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET_FLAGS = (
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-sync",
    "--disable-dev-shm-usage", "--disable-gpu", "--metrics-recording-only", "--mute-audio", "--no-first-run",
)  # fmt: skip
"""No calls home, no shared memory a container may lack."""

MISSING = (
    "NO CHROMIUM: the browser tests are SKIPPED. Install it (Debian: apt-get install chromium), so that `chromium` "
    "is on the PATH."
)


def find_chromium() -> str | None:
    """The path of the first one installed."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def launch_flags() -> list[str]:
    """Quiet, and without the sandbox where Chromium refuses it: as root."""
    return [*QUIET_FLAGS, *(["--no-sandbox"] if os.getuid() == 0 else [])]


def main() -> None:
    """Install when missing and allowed; say loudly when it stays missing. Never fails: pytest decides that."""
    if find_chromium():
        return
    if os.getuid() == 0 and shutil.which("apt-get"):
        print("Installing Chromium for the browser tests ...", flush=True)
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", "-qq", *arguments], check=False, capture_output=True)
    if not find_chromium():
        print(MISSING, file=sys.stderr)


if __name__ == "__main__":
    main()
