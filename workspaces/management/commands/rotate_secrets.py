"""`manage.py rotate_secrets`: encrypt every stored secret again with the newest key."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workspaces.errors import SecretUnreadable
from workspaces.services.secrets import secrets_rotate


class Command(BaseCommand):
    """Run it after putting a new key first in RUNSHEET_SECRET_KEYS; then the old key may go."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--json` for programs."""
        parser.add_argument("--json", action="store_true", help="answer as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate; stops at the first secret no key opens, keeping what was done."""
        try:
            done = secrets_rotate()
        except SecretUnreadable as fault:
            raise CommandError(fault.detail) from fault
        self.stdout.write(json.dumps({"rotated": done}) if options["json"] else f"{done} secrets rotated.")
