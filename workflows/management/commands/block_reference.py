"""`manage.py block_reference`: the page of block types and functions, from the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows.blocks.describing import block_described, function_described
from workflows.blocks.functions import functions
from workflows.blocks.registry import block_types
from workflows.management.block_page import HEAD, block_page

OURS: Final = ("workflows", "tables", "scheduler")


class Command(BaseCommand):
    """Needs no services."""

    help = "Write the reference of block types and functions as Markdown; --check fails when a file is stale."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Of what, and where to."""
        parser.add_argument(
            "--of", metavar="PACKAGE", help="Of this Python package (default: Runsheet's own)."
        )
        parser.add_argument("--output", type=Path, help="Write this file (default: print the page).")
        parser.add_argument("--check", type=Path, help="Compare with this file, and write nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print, write or compare."""
        page = _page(options["of"])
        if options["check"] is not None:
            kept = options["check"]
            if not kept.exists() or kept.read_text() != page:
                raise CommandError(f"{kept} is stale. Run make docs.")
        elif options["output"] is not None:
            options["output"].write_text(page)
        else:
            self.stdout.write(page, ending="")


def _page(package: str | None) -> str:
    packages = OURS if package is None else (package,)
    blocks = [block_described(block) for _, block in sorted(block_types().items())]
    calls = [function_described(found) for _, found in sorted(functions().items())]
    blocks = [block for block in blocks if block["package"] in packages]
    calls = [found for found in calls if found["package"] in packages]
    if not blocks and not calls:
        raise CommandError(f"No block or function of {', '.join(packages)} is registered.")
    return block_page(blocks, calls, HEAD if package is None else f"# Blocks of {package}\n")
