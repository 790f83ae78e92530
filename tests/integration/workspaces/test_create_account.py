"""`manage.py create_account`: the way in for somebody who has just started an empty install."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from workspaces.models import Membership

pytestmark = pytest.mark.django_db


def test_the_person_it_makes_signs_in_to_a_workspace_of_their_own() -> None:
    said = StringIO()
    call_command("create_account", "ada", "--workspace", "Engines", "--json", stdout=said)
    made = json.loads(said.getvalue())
    client = Client()
    assert client.login(username="ada", password=made["password"])
    assert client.get("/").status_code == 200
    assert str(Membership.objects.get(user__username="ada", role="admin").workspace_id) == made["workspace"]


def test_a_name_that_is_taken_is_refused_in_words() -> None:
    call_command("create_account", "ada", stdout=StringIO())
    with pytest.raises(CommandError, match="already"):
        call_command("create_account", "ada", stdout=StringIO())
