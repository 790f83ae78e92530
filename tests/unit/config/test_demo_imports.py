"""Importing modules in a fresh interpreter."""

import pytest

from config.demo import imports
from config.demo.imports import ImportFailed, ImportTooSlow, import_modules


def test_an_import_is_measured() -> None:
    imported = import_modules(["decimal", "csv"])
    assert imported.milliseconds >= 1
    assert imported.modules > 1


def test_a_failed_import_says_what_python_says() -> None:
    with pytest.raises(ImportFailed, match="ModuleNotFoundError: No module named 'no_such_module'"):
        import_modules(["no_such_module"])


def test_a_module_that_ends_its_interpreter_is_told_by_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "_PROGRAM", "import os; os._exit(3)")
    with pytest.raises(ImportFailed, match="exit code 3"):
        import_modules(["anything"])


def test_an_import_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "LIMIT_SECONDS", 1)
    monkeypatch.setattr(imports, "_PROGRAM", imports._PROGRAM.replace("__import__(name)", "time.sleep(60)"))
    with pytest.raises(ImportTooSlow, match="slow_one took longer than 1 s"):
        import_modules(["slow_one"])


def test_a_stop_ends_an_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "_PROGRAM", imports._PROGRAM.replace("__import__(name)", "time.sleep(60)"))

    def stopped() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        import_modules(["slow_one"], stopped)
    monkeypatch.undo()  # and its seat is free again
    assert import_modules(["csv"]).modules > 0
