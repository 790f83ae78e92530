"""The arrows of docs/architecture: apps import to the right, layers import down, engines are pure."""

import subprocess
import sys
from pathlib import Path

from config.runtime import BASE_DIR


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache"],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
