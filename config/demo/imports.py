"""Really importing modules, each time in a fresh interpreter that knows nothing of ours."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

LIMIT_SECONDS: Final = 30
LOOK_SECONDS: Final = 0.2
_PROCESSORS: Final = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_seats = threading.BoundedSemaphore(_PROCESSORS)
"""An import is all computing: more of them at once would only make each slower."""

_PROGRAM: Final = """
import _signal, json, os, sys, time
_signal.alarm({limit})  # whatever becomes of who started this, it ends
known, begun = len(sys.modules), time.perf_counter()
try:
    for name in {names}:
        __import__(name)
    said = {{"milliseconds": round((time.perf_counter() - begun) * 1000), "modules": len(sys.modules) - known}}
except BaseException as fault:
    said = {{"fault": f"{{type(fault).__name__}}: {{fault}}"}}
print("\\n" + json.dumps(said), flush=True)
os._exit(0)  # threads and exit handlers of what was imported are no part of the question
"""


class ImportFailed(Exception):
    """The modules cannot be imported; the message is Python's own, on one line."""


class ImportTooSlow(Exception):
    """The import did not end in time."""


@dataclass(frozen=True, slots=True)
class Imported:
    """How an import went: how long it took, and how many modules it brought in."""

    milliseconds: int
    modules: int


def import_modules(names: Sequence[str], check: Callable[[], object] = lambda: None) -> Imported:
    """Import the modules in a new process. `check` is called while waiting, and ends the wait by raising.

    Raises `ImportFailed`, `ImportTooSlow`.
    """
    while not _seats.acquire(timeout=LOOK_SECONDS):
        check()
    try:
        said, code = _converse(names, check)
    finally:
        _seats.release()
    if "fault" in said:
        raise ImportFailed(" ".join(str(said["fault"]).split())[:400])
    if not said:
        raise ImportFailed(f"The interpreter ended without a word (exit code {code}).")
    return Imported(max(1, said["milliseconds"]), said["modules"])


def _converse(names: Sequence[str], check: Callable[[], object]) -> tuple[dict[str, Any], int]:
    """What the program says last, and how it ended."""
    child = subprocess.Popen(
        [sys.executable, "-I", "-c", _PROGRAM.format(limit=LIMIT_SECONDS, names=list(names))],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8"},
        text=True,
        errors="replace",
    )
    with child:
        try:
            spoken = _listen(child, check)
        finally:
            child.kill()
    if child.returncode == -signal.SIGALRM:
        raise ImportTooSlow(f"Importing {', '.join(names)} took longer than {LIMIT_SECONDS} s.")
    last = spoken.rstrip().rpartition("\n")[2]
    return (json.loads(last) if last.startswith("{") else {}), child.returncode


def _listen(child: subprocess.Popen[str], check: Callable[[], object]) -> str:
    while True:
        try:
            return child.communicate(timeout=LOOK_SECONDS)[0]
        except subprocess.TimeoutExpired:
            check()
