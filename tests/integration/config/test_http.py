"""What every answer of the web process has."""

import pytest
from django.test import Client, override_settings

pytestmark = pytest.mark.django_db


def test_a_living_process_says_so_to_any_address(client: Client) -> None:
    assert client.get("/healthz", headers={"host": "10.1.2.3:8000"}).json() == {"status": "ok"}


def test_readiness_names_what_is_missing(client: Client) -> None:
    assert client.get("/readyz").json() == {"database": "ok", "redis": "ok"}
    with override_settings(RUNSHEET_REDIS_URL="redis://127.0.0.1:1/0"):
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"database": "ok", "redis": "unreachable"}


def test_pages_allow_nothing_inline(client: Client) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


def test_only_the_admin_and_the_docs_are_excepted(client: Client) -> None:
    assert "'unsafe-eval'" in client.get("/admin/login/").headers["Content-Security-Policy"]
    docs = client.get("/api/v1/docs/").headers["Content-Security-Policy"]
    assert "'unsafe-inline'" in docs
    assert "'unsafe-eval'" not in docs


def test_an_unknown_host_is_refused(client: Client) -> None:
    with override_settings(ALLOWED_HOSTS=["example.org"]):
        assert client.get("/", headers={"host": "evil.example"}).status_code == 400
