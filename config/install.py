"""Make `.venv` hold exactly what a lock file says; quick when it already does.

Run by the Makefile as `python3 config/install.py requirements.lock`, with whatever Python the machine has: only the
standard library, and a syntax that an old Python can still read far enough to be told that it is too old.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed.json"
ALL = "requirements.lock"
"""Covers every other lock."""


def main(lock: str) -> None:
    """Create the environment if it is missing, install if the lock changed since, remember what was installed."""
    if sys.version_info < (3, 11):
        sys.exit(
            "Runsheet needs Python 3.11 or newer; this is %d.%d (%s).\nInstall a newer one, then name it: "
            "make PYTHON=python3.12 ..." % (*sys.version_info[:2], sys.executable)
        )
    if not (VENV / "bin" / "python").exists():
        create_environment()
    installed = json.loads(STAMP.read_text()) if STAMP.exists() else {}
    if any(installed.get(name) == fingerprint(name) for name in {lock, ALL}):
        return
    print(f"Installing what {lock} lists into {VENV.name} ...", flush=True)  # noqa: T201 - a command
    pip("install", "--no-compile", "--require-hashes", "--no-deps", "--requirement", str(ROOT / lock))
    compile_all()
    STAMP.write_text(json.dumps({**installed, lock: fingerprint(lock)}))


def create_environment() -> None:
    """A virtual environment; Debian ships `venv` as a package of its own, so say so when it is missing."""
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        sys.exit(
            f"Python could not make a virtual environment:\n{made.stdout}{made.stderr}\n"
            "On Debian and Ubuntu: apt-get install python3-venv."
        )


def fingerprint(lock: str) -> str:
    """Of the lock's content and of the Python it is installed for."""
    text = (ROOT / lock).read_bytes() + str(sys.version_info[:2]).encode()
    return hashlib.sha256(text).hexdigest()


def compile_all() -> None:
    """Byte-compile on all processors, which pip does on one. What cannot be compiled (templates) is no matter."""
    python = str(VENV / "bin" / "python")
    subprocess.run([python, "-m", "compileall", "-qq", "-j", "0", str(VENV / "lib")], check=False)


def pip(*arguments: str) -> None:
    """Run pip quietly; on failure show all it said."""
    command = [
        str(VENV / "bin" / "python"),
        "-m",
        "pip",
        "--quiet",
        "--disable-pip-version-check",
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"pip could not install everything:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ALL)
