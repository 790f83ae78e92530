"""`manage.py demo`: two real tables, run to their end before your eyes, then served until Ctrl-C."""

from __future__ import annotations

import json
import signal
import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NoReturn

import httpx
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from config.demo import blocks_with_demo, expected, expected_tickets
from config.demo.account import account_ready
from config.demo.api import Api, ApiRefused
from config.demo.approvals import approvals_open, decide
from config.demo.build import ImportUnfinished, table_ready
from config.demo.check import Verdict, account_faults, judge
from config.demo.packages import PACKAGES
from config.demo.report import tell_address, tell_table, tell_verdict, tell_waiting
from config.demo.sheet import Sheet
from config.demo.surroundings import mail_kept, model_served
from config.demo.tickets import TICKETS
from config.demo.truth import Truth
from config.embedded import ServiceFailed
from config.runtime import AlreadyRunning, var_dir
from config.supervisor import Stack
from tables.management.dispatch_progress import dispatch_follow

STOPS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C among them: a shell that starts us in the background has it ignored, and we would inherit that."""


class DemoStack(Stack):
    """An install that has the demo's account from the start: one process prepares both, since each costs seconds."""

    account: dict[str, Any]

    def prepare(self) -> None:
        """Migrate, and make the account."""
        self.account = json.loads(self.manage("demo", "--prepare"))


class Command(BaseCommand):
    """Starts everything, makes the demo's tables over REST, runs them, tells what came of it, and goes on serving."""

    help = "Run a table of the installed Python packages and one of support tickets, then serve them until Ctrl-C."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen, and whether to stay."""
        parser.add_argument(
            "--host", default="127.0.0.1", help="address to listen on (default: this machine only)"
        )
        parser.add_argument("--port", type=int, help="port to listen on (default: 8000, or a free one)")
        parser.add_argument(
            "--exit", action="store_true", help="judge every cell, then stop; non-zero when one is wrong"
        )
        parser.add_argument(
            "--prepare", action="store_true", help="only migrate, and print the demo's account as JSON"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until a signal says stop; or judge, and exit."""
        if options["prepare"]:
            call_command("migrate", interactive=False, verbosity=0)
            self.stdout.write(json.dumps(account_ready(var_dir() / "demo_password")))
            return
        for number in STOPS:
            signal.signal(number, _interrupt)
        console = Console(highlight=False, soft_wrap=True)
        try:
            right = _run(console, options["host"], options["port"], stay=not options["exit"])
        except KeyboardInterrupt:
            console.print("Stopped.")
            sys.exit(130 if options["exit"] else 0)
        except (AlreadyRunning, ServiceFailed, ApiRefused, ImportUnfinished) as error:
            raise CommandError(str(error)) from None
        except httpx.TransportError as error:
            log = var_dir() / "log" / "web.log"
            raise CommandError(f"The web process does not answer: {error}. Its log: {log}") from None
        sys.exit(0 if right else 1)


def _run(console: Console, host: str, port: int | None, *, stay: bool) -> bool:
    """Whether every cell is right; does not return while it serves."""
    console.print("Starting everything …", style="dim")
    var = var_dir()
    report = partial(console.print, style="yellow")
    with model_served() as model:
        env = {
            "RUNSHEET_MODE": "development",
            "RUNSHEET_BLOCKS": blocks_with_demo(settings.RUNSHEET_BLOCKS),
            **model,
            **mail_kept(var / "mail"),
        }
        with DemoStack(var, env=env, host=host, port=port, report=report) as stack:
            stack.wait_until_ready()
            if stay:
                tell_address(console, stack.url, stack.account)
            with Api(stack.url, stack.account["token"]) as api:
                faults = _show_packages(console, api, judged=not stay)
                faults += _show_tickets(console, api, stack, judged=not stay)
            if stay:
                tell_address(console, stack.url, stack.account)
                console.print("Ctrl-C stops it.")
                while True:
                    signal.pause()
    return not faults


def _show_packages(console: Console, api: Api, *, judged: bool) -> list[str]:
    shown = _show(console, api, PACKAGES, expected.TRUTH, judged=judged)
    return shown.faults


def _show_tickets(console: Console, api: Api, stack: DemoStack, *, judged: bool) -> list[str]:
    """The same; then tell of what waits for a person, or decide it when all is `judged`."""
    shown = _show(console, api, TICKETS, expected_tickets.TRUTH, judged=judged)
    asked, mails = approvals_open(api), stack.var / "mail"
    tell_waiting(console, stack.url, asked, mails)
    if not judged or shown.faults:
        return shown.faults
    decided = Verdict(judged=len(asked), faults=decide(api, shown.table, asked, mails))
    if asked:
        tell_verdict(console, decided, "what was decided, once over REST and once by link")
    return decided.faults


@dataclass(frozen=True, slots=True)
class _Shown:
    table: str
    faults: list[str]


def _show(console: Console, api: Api, sheet: Sheet, truth: Truth, *, judged: bool) -> _Shown:
    """Import, run, tell. Answers what is wrong; whether cells are right is only looked into when `judged`."""
    begun = time.monotonic()
    built = table_ready(api, sheet)
    if built.imported:
        console.print(
            f"Imported {built.imported} {sheet.things} from a CSV in {time.monotonic() - begun:.1f} s."
        )
    begun = time.monotonic()
    started = api.post(f"tables/{built.table}/dispatches/", {"mode": "incomplete"})
    if started.get("dispatch", started) is None:
        return _Shown(built.table, [f"There was nothing to run: {started['skipped']}."])
    ended = dispatch_follow(lambda: api.get(f"dispatches/{started['id']}/"), console, sheet.name)
    seconds = time.monotonic() - begun
    rows = list(api.all(f"tables/{built.table}/rows/"))
    tell_table(console, sheet, ended, api.get(f"tables/{built.table}/")["groups"], rows, seconds)
    verdict = judge(api, sheet, truth, ended, rows) if judged else Verdict()
    verdict.faults += account_faults(ended)
    if judged or verdict.faults:
        tell_verdict(console, verdict, truth.against)
    return _Shown(built.table, verdict.faults)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
