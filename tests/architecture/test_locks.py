"""The locks satisfy what pyproject.toml asks for."""

import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from config.runtime import BASE_DIR

PROJECT = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())
RUN = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["embedded"]]
DEV = PROJECT["dependency-groups"]["dev"]


def locked(lock: str) -> list[Requirement]:
    lines = (BASE_DIR / lock).read_text().splitlines()
    return [Requirement(line.rstrip(" \\")) for line in lines if line and not line.startswith((" ", "#"))]


@pytest.mark.parametrize(
    ("lock", "wanted"), [("requirements-run.lock", RUN), ("requirements.lock", RUN + DEV)]
)
def test_every_requirement_is_pinned_within_its_bounds(lock: str, wanted: list[str]) -> None:
    pins: dict[str, list[str]] = {}
    for pin in locked(lock):
        (specifier,) = pin.specifier
        pins.setdefault(canonicalize_name(pin.name), []).append(specifier.version)
    for text in wanted:
        asked = Requirement(text)
        versions = pins.get(canonicalize_name(asked.name), [])
        assert any(asked.specifier.contains(version) for version in versions), f"{text}: run make lock"


def test_the_run_lock_is_a_part_of_the_whole() -> None:
    assert {str(pin) for pin in locked("requirements-run.lock")} <= {
        str(pin) for pin in locked("requirements.lock")
    }


def test_nothing_that_breaks_the_stack_is_locked() -> None:
    names = {canonicalize_name(pin.name) for pin in locked("requirements.lock")}
    assert not names & {"crontab", "litellm", "pandas", "daphne"}
