"""What can be found out about an installed distribution by looking at it; no part of it is run here."""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from typing import Final

LICENCES: Final = ("permissive", "weak copyleft", "copyleft", "other", "unknown")
"""From the freest to the least understood."""

_WEAK: Final = re.compile(
    r"\bLGPL|Lesser General Public|\bMPL|Mozilla Public|\bEPL\b|Eclipse Public", re.IGNORECASE
)
_COPYLEFT: Final = re.compile(r"\bA?GPL|(Affero|GNU) General Public", re.IGNORECASE)
_PERMISSIVE: Final = re.compile(
    r"\bMIT\b|\bBSD|Apache|\bISC\b|\bPSF|Python Software Foundation|Unlicense|\bZlib\b|Artistic",
    re.IGNORECASE,
)
_CODE: Final = (".py", ".so", ".pyd")


class NotInstalled(LookupError):
    """There is no such distribution here, or another version of it; the message says which."""


@dataclass(frozen=True, slots=True)
class Size:
    """Files of a distribution on disk, without Python's own caches."""

    files: int
    bytes: int
    native: bool
    largest: str


def installed() -> list[Distribution]:
    """Every distribution of this environment, each once, by name."""
    found: dict[str, Distribution] = {}
    for each in distributions(path=_site_packages()):
        found.setdefault(each.name.lower(), each)
    return [found[name] for name in sorted(found)]


def find(name: str, version: str) -> Distribution:
    """The installed distribution of that name. Raises `NotInstalled`, also when its version is another."""
    found = next(iter(distributions(name=name, path=_site_packages())), None)
    if found is None:
        raise NotInstalled(f"{name} is not installed here.")
    if found.version != version:
        raise NotInstalled(f"{name} {version} is not installed here; {found.version} is.")
    return found


def home_page(found: Distribution) -> str:
    """The first web address its metadata names; empty when there is none."""
    links = [_said(found, "Home-page")]
    links += [link.partition(",")[2].strip() for link in found.metadata.get_all("Project-URL") or ()]
    return next((link for link in links if re.match(r"https?://[^\s/]+\.\S+\Z", link)), "")


def summary(found: Distribution) -> str:
    """Its own one-line description."""
    return _said(found, "Summary")


def licence(found: Distribution) -> str:
    """One of `LICENCES`: of alternatives (`A OR B`) the freest, of several that hold together the strictest."""
    text = _said(found, "License-Expression")
    text = text or " AND ".join(_licence_classifiers(found)) or _said(found, "License").partition("\n")[0]
    if not text:
        return "unknown"
    return min((_strictest(part) for part in text.split(" OR ")), key=LICENCES.index)


def dependencies(found: Distribution) -> int:
    """How many other distributions it always requires; optional extras do not count."""
    return sum("extra ==" not in requirement for requirement in found.requires or ())


def metadata_format(found: Distribution) -> str:
    """The version of the metadata standard it was built to, such as `2.4`."""
    return _said(found, "Metadata-Version") or "1.0"


def size(found: Distribution) -> Size:
    """Counted and measured on disk, file by file as its record lists them."""
    files = bytes_ = 0
    native = False
    largest = (0, "")
    for path in found.files or ():
        if "__pycache__" in path.parts:
            continue
        try:
            measured = found.locate_file(path).stat().st_size  # type: ignore[attr-defined]  # a real path here
        except OSError:  # recorded, and deleted since
            continue
        files, bytes_ = files + 1, bytes_ + measured
        native = native or path.suffix in {".so", ".pyd"}
        largest = max(largest, (measured, path.as_posix()))
    return Size(files, bytes_, native, largest[1])


def modules(found: Distribution) -> list[str]:
    """Top-level modules it can be imported by: the public ones, or the private ones when there is nothing else."""
    names = sorted(set(_module_names(found)))
    return [name for name in names if not name.startswith("_")] or names


def _site_packages() -> list[str]:
    """This environment's own packages; what else is on the path (a checkout, say) was not installed."""
    paths = sysconfig.get_paths()
    return list(dict.fromkeys((paths["purelib"], paths["platlib"])))


def _said(found: Distribution, name: str) -> str:
    """One field of the metadata; empty when it is missing, or filled as old tools filled what they did not know."""
    text = found.metadata[name] if name in found.metadata else ""  # noqa: SIM401 - its type knows no `get`
    return "" if text == "UNKNOWN" else text.strip()


def _licence_classifiers(found: Distribution) -> Iterator[str]:
    for line in found.metadata.get_all("Classifier") or ():
        first, *_, last = line.split(" :: ")
        if first == "License" and last != "OSI Approved":
            yield last


def _strictest(text: str) -> str:
    if _COPYLEFT.search(text) and not _WEAK.search(text):
        return "copyleft"
    if _WEAK.search(text):
        return "weak copyleft"
    return "permissive" if _PERMISSIVE.search(text) else "other"


def _module_names(found: Distribution) -> Iterator[str]:
    for path in found.files or ():
        if path.suffix not in _CODE or path.parts[0].endswith((".dist-info", ".data")):
            continue
        name = path.parts[0] if len(path.parts) > 1 else path.name.partition(".")[0]
        if name.isidentifier():
            yield name
