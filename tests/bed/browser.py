"""Settings of pytest-playwright: the Chromium of this machine, and what to do without one."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.bed.chromium import MISSING, find_chromium, launch_flags


def skip_without_chromium(items: list[pytest.Item]) -> None:
    """Browser tests are skipped loudly without Chromium, or fail the run when `BROWSER=required`."""
    concerned = [item for item in items if "browser" in Path(item.path).parts]
    if not concerned or find_chromium():
        return
    if os.environ.get("BROWSER") == "required":
        pytest.exit(MISSING.replace("are SKIPPED", "cannot run, and BROWSER=required"), returncode=1)
    for item in concerned:
        item.add_marker(pytest.mark.skip(reason=MISSING))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Overrides the plugin's: no browser is downloaded."""
    return {**browser_type_launch_args, "executable_path": find_chromium(), "args": launch_flags()}
