"""What the demo's workflows call. `RUNSHEET_BLOCKS=config.demo.functions` registers them, as any developer's would be.

A package that is gone, or was upgraded since its row was imported, fails with `not_installed`.
"""

from __future__ import annotations

from importlib.metadata import Distribution
from typing import Any

from config.demo import distributions
from config.demo.imports import ImportFailed, ImportTooSlow, import_modules
from workflows.blocks.base import BlockContext, BlockFailed
from workflows.blocks.functions import function
from workflows.states import ErrorClass


@function("package_metadata")
def package_metadata(package: str, version: str) -> dict[str, Any]:
    """Read what an installed package says of itself: summary, licence class, dependencies, metadata format."""
    found = _find(package, version)
    return {
        "summary": distributions.summary(found),
        "licence": distributions.licence(found),
        "dependencies": distributions.dependencies(found),
        "format": distributions.metadata_format(found),
    }


@function("package_size")
def package_size(package: str, version: str) -> dict[str, Any]:
    """Measure an installed package on disk, file by file."""
    size = distributions.size(_find(package, version))
    return {"files": size.files, "bytes": size.bytes, "native": size.native, "largest": size.largest}


@function("package_modules")
def package_modules(package: str, version: str) -> list[str]:
    """List the top-level modules an installed package can be imported by."""
    return distributions.modules(_find(package, version))


@function("import_modules")
def import_health(modules: list[str], *, context: BlockContext) -> dict[str, int]:
    """Import modules in a fresh interpreter; fails with Python's own words when that fails."""
    try:
        imported = import_modules(modules, context.check_cancelled)
    except ImportFailed as fault:
        raise BlockFailed.because(ErrorClass.VALIDATION, "import_failed", str(fault)) from None
    except ImportTooSlow as fault:
        raise BlockFailed.because(ErrorClass.TIMEOUT, "import_too_slow", str(fault)) from None
    return {"milliseconds": imported.milliseconds, "modules": imported.modules}


def _find(package: str, version: str) -> Distribution:
    try:
        return distributions.find(package, version)
    except distributions.NotInstalled as fault:
        raise BlockFailed.because(ErrorClass.VALIDATION, "not_installed", str(fault)) from None
