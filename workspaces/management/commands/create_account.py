"""`manage.py create_account`: a person who can sign in, with a workspace to sign in to."""

from __future__ import annotations

import json
import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from workspaces.actors import Actor
from workspaces.models import User
from workspaces.services.workspaces import workspace_create


class Command(BaseCommand):
    """Makes a user and a workspace of which they are admin; the password is generated and shown once."""

    help = "Make a person who can sign in, and their workspace."

    def add_arguments(self, parser: CommandParser) -> None:
        """Who, and where."""
        parser.add_argument("username")
        parser.add_argument(
            "--workspace", help="name of the new workspace (default: “<username>'s workspace”)"
        )
        parser.add_argument("--superuser", action="store_true", help="may also use the admin at /admin/")
        parser.add_argument("--json", action="store_true", help="print JSON")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Make both, or neither."""
        username: str = options["username"]
        if User.objects.filter(username=username).exists():
            raise CommandError(f"There is a user {username!r} already. Choose another name.")
        password = secrets.token_urlsafe(12)
        staff = bool(options["superuser"])
        user = User.objects.create_user(username, password=password, is_staff=staff, is_superuser=staff)
        name = options["workspace"] or f"{username}'s workspace"
        workspace = workspace_create(name=name, owner=user, actor=Actor.system("create_account"))
        if options["json"]:
            made = {"username": username, "password": password, "workspace": str(workspace.pk)}
            self.stdout.write(json.dumps(made))
            return
        self.stdout.write(f"{username} can sign in to “{workspace.name}” with the password {password}")
        self.stdout.write("It is not shown again.")
