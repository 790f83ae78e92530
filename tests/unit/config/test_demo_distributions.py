"""What the demo finds out about installed packages."""

from importlib.metadata import Distribution
from pathlib import Path

import pytest

from config.demo import distributions
from config.demo.distributions import NotInstalled


class Written(Distribution):
    """A distribution that is only its metadata."""

    def __init__(self, *fields: tuple[str, str]) -> None:
        # Further lines of a field are indented, as wheels write them.
        self._text = (
            "\n".join(f"{name}: " + value.replace("\n", "\n        ") for name, value in fields) + "\n\n"
        )

    def read_text(self, filename: str) -> str | None:
        return self._text if filename == "METADATA" else None

    def locate_file(self, path: object) -> Path:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ((("License-Expression", "MIT"),), "permissive"),
        ((("License-Expression", "LGPL-3.0-only"),), "weak copyleft"),
        ((("License-Expression", "GPL-3.0-or-later"),), "copyleft"),
        ((("License-Expression", "GPL-2.0-only OR MIT"),), "permissive"),
        ((("License-Expression", "MPL-2.0 AND MIT"),), "weak copyleft"),
        (
            (("Classifier", "License :: OSI Approved :: BSD License"), ("License", "Dual License")),
            "permissive",
        ),
        ((("License", "Apache License, Version 2.0\n\nlong text"),), "permissive"),
        ((("License", "Beerware"),), "other"),
        ((("License", "UNKNOWN"),), "unknown"),
        ((), "unknown"),
    ],
)
def test_a_licence_is_put_into_a_class(fields: tuple[tuple[str, str], ...], licence: str) -> None:
    assert distributions.licence(Written(("Name", "x"), ("Version", "1"), *fields)) == licence


def test_optional_extras_are_no_dependencies() -> None:
    found = Written(("Requires-Dist", "a"), ("Requires-Dist", "b>=1"), ("Requires-Dist", "c; extra == 'd'"))
    assert distributions.dependencies(found) == 2


def test_a_home_page_is_a_web_address_or_nothing() -> None:
    found = Written(("Home-page", "UNKNOWN"), ("Project-URL", "Source, https://example.org/x"))
    assert distributions.home_page(found) == "https://example.org/x"
    assert distributions.home_page(Written(("Project-URL", "Docs, none"))) == ""


def test_every_installed_package_can_be_found_measured_and_named_once() -> None:
    every = distributions.installed()
    names = [found.name.lower() for found in every]
    assert names == sorted(set(names))
    assert {"django", "celery", "pip"} <= set(names)
    rich = distributions.find("rich", next(found.version for found in every if found.name == "rich"))
    size = distributions.size(rich)
    assert size.files > 50
    assert size.bytes > 100_000
    assert not size.native
    assert distributions.modules(rich) == ["rich"]


def test_private_modules_count_only_when_there_are_no_others() -> None:
    attrs = next(found for found in distributions.installed() if found.name == "attrs")
    assert distributions.modules(attrs) == ["attr", "attrs"]


def test_what_is_not_installed_in_that_version_is_said_to_be_so() -> None:
    with pytest.raises(NotInstalled, match="left-pad is not installed here"):
        distributions.find("left-pad", "1")
    with pytest.raises(NotInstalled, match=r"Django 0\.1 is not installed here; 5\.2"):
        distributions.find("Django", "0.1")
