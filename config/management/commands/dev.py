"""`manage.py dev`: everything on one machine, restarted when it dies, until Ctrl-C."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from config.demo import blocks_with_demo
from config.demo.surroundings import model_served
from config.embedded import ServiceFailed
from config.processes import ONE_BOX, read_procfile
from config.runtime import AlreadyRunning, var_dir
from config.supervisor import Stack

COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red", "bright_cyan", "bright_green")


class Command(BaseCommand):
    """Starts PostgreSQL and Valkey when no URL is set, migrates, runs every process and shows their logs."""

    help = "Run everything on this machine until Ctrl-C."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen, and what to run."""
        parser.add_argument(
            "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
        )
        parser.add_argument("--port", type=int, help="port to listen on (default: 8000, or a free one)")
        parser.add_argument(
            "--only", help=f"comma-separated processes of the Procfile (default: {','.join(ONE_BOX)})"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until a signal says stop."""
        names = tuple(options["only"].split(",")) if options["only"] else ONE_BOX
        unknown = set(names) - set(read_procfile())
        if unknown:
            known = ", ".join(read_procfile())
            raise CommandError(f"No such process: {', '.join(sorted(unknown))}. There are {known}.")
        console = Console(highlight=False, soft_wrap=True)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupt)
        try:
            with model_served() as model, Stack(
                var_dir(), processes=names, host=options["host"], port=options["port"],
                env={**_dev_environment(), **model}, report=lambda line: console.print(line, style="yellow"),
            ) as stack:  # fmt: skip
                if "web" in names:
                    stack.wait_until_ready()
                    console.print(f"Runsheet is at [bold]{stack.url}[/]. Ctrl-C stops it.")
                    console.print(
                        "New here? In another terminal: .venv/bin/python manage.py create_account NAME"
                    )
                _follow(console, {name: stack.log(name) for name in names})
        except KeyboardInterrupt:
            console.print("Stopped.")
        except (AlreadyRunning, ServiceFailed) as error:
            raise CommandError(str(error)) from None


def _dev_environment() -> dict[str, str]:
    """`manage.py dev` on given URLs is still development, unless told otherwise; the demo's tables run here too."""
    return {
        "RUNSHEET_MODE": os.environ.get("RUNSHEET_MODE", "development"),
        "RUNSHEET_BLOCKS": blocks_with_demo(settings.RUNSHEET_BLOCKS),
    }


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _follow(console: Console, logs: dict[str, Path]) -> None:
    """Show what processes write from now on, each behind its coloured name."""
    width = max(map(len, logs))
    readers = {name: _new_lines(path) for name, path in logs.items()}
    while True:
        for colour, (name, reader) in zip(COLOURS, readers.items(), strict=False):
            for line in next(reader):
                console.print(f"[{colour}]{name:>{width}}[/] ", end="")
                console.out(line, highlight=False)
        sys.stdout.flush()
        time.sleep(0.2)


def _new_lines(path: Path) -> Iterator[list[str]]:
    """At each step, the whole lines written since the last; starts at the present end, follows a rotation."""
    position = path.stat().st_size if path.exists() else 0
    while True:
        size = path.stat().st_size if path.exists() else 0
        position = position if size >= position else 0
        lines: list[str] = []
        if size > position:
            with path.open("rb") as log:
                log.seek(position)
                fresh = log.read(size - position)
            whole = fresh[: fresh.rfind(b"\n") + 1]
            position += len(whole)
            lines = whole.decode(errors="replace").splitlines()
        yield lines
