"""What production serves is complete: hashed, and no file refers to one that is missing."""

import os
import re
import subprocess
import sys
from pathlib import Path

from config.runtime import BASE_DIR
from tests.unit.config.test_env import PRODUCTION


def test_static_files_are_collected_with_every_reference_found(tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RUNSHEET_")}
    done = subprocess.run(
        [sys.executable, BASE_DIR / "manage.py", "collectstatic", "--noinput"],
        env={**clean, **PRODUCTION, "RUNSHEET_VAR": str(tmp_path)},
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (main,) = (tmp_path / "static" / "runsheet").glob("main.*.js")
    assert re.search(r'import\("\./[\w/]+\.[0-9a-f]{12}\.js"\)', main.read_text())
