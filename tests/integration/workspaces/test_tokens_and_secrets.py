"""Plaintext of tokens and secrets exists nowhere but in the one answer that must show it."""

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from workspaces import selectors
from workspaces.models import ApiToken, Secret, Workspace
from workspaces.tokens import key_hash

CANARY = "canary-7f3a9c-canary"
SECRETS = "/api/v1/secrets/"


def everything_stored() -> str:
    """Every row of every table of this app, as text."""
    with connection.cursor() as cursor:
        tables = [
            name for name in connection.introspection.table_names(cursor) if name.startswith("workspaces_")
        ]
        found = []
        for table in tables:
            cursor.execute(f"SELECT row_to_json(t)::text FROM {connection.ops.quote_name(table)} t")
            found += [row[0] for row in cursor.fetchall()]
    return "\n".join(found)


@pytest.fixture
def tokens(workspace: Workspace) -> str:
    return f"/api/v1/workspaces/{workspace.slug}/tokens/"


def test_a_token_is_shown_once_and_stored_as_a_hash(admin_client: APIClient, tokens: str) -> None:
    made = admin_client.post(tokens, {"name": "importer", "scope": "run"})
    plaintext = made.json()["token"]
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    assert ApiToken.objects.get(name="importer").sha256 == key_hash(plaintext)
    assert plaintext not in everything_stored()
    assert plaintext not in admin_client.get(tokens).content.decode()
    assert "sha256" not in admin_client.get(tokens).content.decode()


def test_revoking_is_final_and_may_be_repeated(admin_client: APIClient, tokens: str) -> None:
    token = admin_client.post(tokens, {"name": "t", "scope": "read"}).json()
    assert admin_client.delete(f"{tokens}{token['id']}/").status_code == 204
    assert admin_client.delete(f"{tokens}{token['id']}/").status_code == 204
    assert ApiToken.objects.get(pk=token["id"]).revoked_at is not None


def test_a_token_that_is_already_over_is_refused(admin_client: APIClient, tokens: str) -> None:
    problem = admin_client.post(
        tokens, {"name": "t", "scope": "read", "expires_at": "2001-01-01T00:00:00Z"}
    ).json()
    assert list(problem["errors"]) == ["expires_at"]


@pytest.mark.rule("S5")
def test_a_secret_goes_in_and_never_comes_out(
    admin_client: APIClient, workspace: Workspace, settings: Settings
) -> None:
    made = admin_client.post(SECRETS, {"name": "API_KEY", "value": CANARY})
    assert made.status_code == 201
    answers = [
        made,
        admin_client.get(SECRETS),
        admin_client.get(f"/api/v1/workspaces/{workspace.slug}/audit/"),
    ]
    assert all(CANARY not in answer.content.decode() for answer in answers)
    assert "ciphertext" not in answers[1].content.decode()
    assert CANARY not in everything_stored()
    assert selectors.secret_values(workspace.pk, ["API_KEY", "NO_SUCH"]) == {"API_KEY": CANARY}


@pytest.mark.rule("S5")
def test_a_new_value_replaces_the_old_and_raises_the_version(
    admin_client: APIClient, workspace: Workspace
) -> None:
    admin_client.post(SECRETS, {"name": "K", "value": "first"})
    replaced = admin_client.post(SECRETS, {"name": "K", "value": " second "})
    assert (replaced.status_code, replaced.json()["version"]) == (200, 2)
    assert selectors.secret_values(workspace.pk, ["K"]) == {"K": " second "}
    assert admin_client.delete(f"{SECRETS}K/").status_code == 204
    assert selectors.secret_names(workspace.pk) == set()


@pytest.mark.rule("S5")
def test_a_faulty_secret_is_refused_without_repeating_it(admin_client: APIClient) -> None:
    response = admin_client.post(SECRETS, {"name": "not a name", "value": CANARY})
    assert list(response.json()["errors"]) == ["name"]
    assert CANARY not in response.content.decode()


@pytest.mark.rule("S5", "S9")
def test_secrets_of_another_workspace_stay_there(
    workspace: Workspace, foreign: Workspace, admin_client: APIClient
) -> None:
    admin_client.post(SECRETS, {"name": "K", "value": CANARY})
    assert selectors.secret_values(foreign.pk, ["K"]) == {}


@pytest.mark.rule("S5")
def test_rotation_re_encrypts_every_secret_with_the_newest_key(
    admin_client: APIClient,
    workspace: Workspace,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from cryptography.fernet import Fernet

    admin_client.post(SECRETS, {"name": "K", "value": CANARY})
    before = Secret.objects.get().ciphertext
    newest = Fernet.generate_key().decode()
    settings.RUNSHEET_SECRET_KEYS = [newest, *settings.RUNSHEET_SECRET_KEYS]
    call_command("rotate_secrets", "--json")
    assert capsys.readouterr().out.strip() == '{"rotated": 1}'
    settings.RUNSHEET_SECRET_KEYS = [newest]
    assert Secret.objects.get().ciphertext != before
    assert selectors.secret_values(workspace.pk, ["K"]) == {"K": CANARY}
