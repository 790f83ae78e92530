"""Deliveries to hooks: whom a hook believes, and that a message starts one run (trust.md 12)."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from tests.bed.races import Race
from tests.integration.workflows.people import ACTOR, workspace_of
from tests.integration.workflows.sender import BODY, base, deliver, taking
from workflows.models import Hook, HookDelivery, Run, Workflow
from workflows.services.definitions import publish, workflow_archive, workflow_update
from workflows.services.hooks import hook_create
from workspaces.models import AuditEvent, Workspace


@pytest.mark.rule("S12")
def test_a_signed_delivery_starts_a_run_with_its_body(hook: tuple[Hook, str]) -> None:
    answer = deliver(hook[0].pk, hook[1])
    assert answer.status_code == 202
    run = Run.objects.get(pk=answer.json()["run"])
    assert run.input == {"payload": json.loads(BODY)}
    assert (run.trigger_kind, run.actor_id, run.workflow_id) == ("hook", None, hook[0].workflow_id)
    assert Hook.objects.get().last_used_at is not None
    entry = AuditEvent.objects.get(action="run.started")
    assert (entry.actor_label, entry.target_id) == ("hook shop", str(run.pk))


@pytest.mark.rule("S12")
def test_a_replay_is_answered_with_the_same_run_and_starts_none(hook: tuple[Hook, str]) -> None:
    first = deliver(hook[0].pk, hook[1])
    again = [deliver(hook[0].pk, hook[1], late=late) for late in (0, 9)]
    assert [answer.status_code for answer in (first, *again)] == [202, 200, 200]
    assert {answer.json()["run"] for answer in (first, *again)} == {str(Run.objects.get().pk)}
    other = deliver(hook[0].pk, hook[1], body=b"{}")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert Run.objects.count() == 1


@pytest.mark.rule("S12")
@pytest.mark.parametrize(
    "altered",
    [
        {"sent": BODY + b" "},
        {"sent": BODY.replace(b"7", b"8")},
        {"headers": {"webhook-id": "msg_2"}},
        {"headers": {"webhook-signature": ""}},
        {"headers": {"webhook-signature": "v1,AAAA"}},
        {"headers": {"webhook-timestamp": "1614265330"}},
        {"late": -310},
        {"late": 310},
    ],
    ids=["byte-more", "byte-other", "other-id", "no-signature", "wrong", "other-time", "old", "future"],
)
def test_what_is_altered_or_old_is_refused_and_starts_nothing(
    hook: tuple[Hook, str], altered: dict[str, Any]
) -> None:
    answer = deliver(hook[0].pk, hook[1], **altered)
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_invalid")
    assert answer["Content-Type"] == "application/problem+json"
    assert not Run.objects.exists()
    assert not HookDelivery.objects.exists()


@pytest.mark.rule("S12")
@pytest.mark.django_db(transaction=True)
def test_a_message_that_comes_four_times_at_once_starts_one_run(
    two_connections: Race, sent: list[Any]
) -> None:
    hook, secret = hook_create(workflow=taking(workspace_of("ada")), name="shop", actor=ACTOR)
    outcomes = two_connections(*[lambda: deliver(hook.pk, secret)] * 4)
    assert sorted(outcome.value.status_code for outcome in outcomes) == [200, 200, 200, 202]
    assert len({outcome.value.json()["run"] for outcome in outcomes}) == 1
    assert (Run.objects.count(), len(sent)) == (1, 1)


@pytest.mark.rule("S12")
def test_after_a_rotation_both_secrets_are_good_until_the_window_ends(
    client: APIClient, taker: Workflow, hook: tuple[Hook, str]
) -> None:
    found, first = hook
    rotated = client.post(f"{base(taker)}{found.pk}/rotate/", {})
    second = rotated.json()["secret"]
    assert rotated.headers["Cache-Control"] == "no-store"
    ends = rotated.json()["previous_secret_valid_until"]
    assert datetime.fromisoformat(ends) - timezone.now() > timedelta(hours=23, minutes=59)
    answers = [deliver(found.pk, secret, name=secret[6:12]) for secret in (first, second)]
    assert [answer.status_code for answer in answers] == [202, 202]

    third = client.post(f"{base(taker)}{found.pk}/rotate/", {}).json()["secret"]  # two at most
    answers = [deliver(found.pk, secret, name=f"x{secret[6:12]}") for secret in (first, second, third)]
    assert [answer.status_code for answer in answers] == [401, 202, 202]

    Hook.objects.update(previous_valid_until=timezone.now())
    answers = [deliver(found.pk, secret, name=f"y{secret[6:12]}") for secret in (second, third)]
    assert [answer.status_code for answer in answers] == [401, 202]


@pytest.mark.rule("S12")
def test_a_leaked_secret_is_ended_at_once(client: APIClient, taker: Workflow, hook: tuple[Hook, str]) -> None:
    client.post(f"{base(taker)}{hook[0].pk}/rotate/", {"previous_seconds": 0})
    assert deliver(hook[0].pk, hook[1]).status_code == 401
    assert Hook.objects.get().previous_ciphertext is None


@pytest.mark.rule("S12")
def test_unknown_closed_and_archived_hooks_look_alike(
    client: APIClient, taker: Workflow, hook: tuple[Hook, str]
) -> None:
    found, secret = hook
    unknown = deliver(uuid4(), secret)
    assert client.patch(f"{base(taker)}{found.pk}/", {"enabled": False}).json()["enabled"] is False
    closed = deliver(found.pk, secret)
    Hook.objects.update(enabled=True)
    workflow_archive(workflow=taker, actor=ACTOR)
    archived = deliver(found.pk, secret)
    assert {answer.status_code for answer in (unknown, closed, archived)} == {404}
    assert unknown.content == closed.content == archived.content


@pytest.mark.parametrize(
    ("content_type", "body", "payload"),
    [
        ("application/json", b'"word"', "word"),
        ("application/cloudevents+json; charset=utf-8", b'{"a": 1}', {"a": 1}),
        ("text/plain", "grüße".encode(), "grüße"),
        ("application/x-www-form-urlencoded", b"a=1&b=2", "a=1&b=2"),
        ("application/octet-stream", b"", ""),
    ],
)
def test_json_arrives_as_it_is_and_anything_else_as_text(
    hook: tuple[Hook, str], content_type: str, body: bytes, payload: Any
) -> None:
    assert deliver(hook[0].pk, hook[1], body=body, content_type=content_type).status_code == 202
    assert Run.objects.get().input == {"payload": payload}


@pytest.mark.rule("F23")
@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{", 400),
        ("application/json", b"NaN", 400),
        ("application/json", b'"\\u0000"', 400),
        ("text/plain", b"\xff", 400),
        ("text/plain", b"a\x00b", 400),
        ("text/plain", b"x" * 1_048_577, 413),
    ],
    ids=["broken", "nan", "nul", "not-utf8", "nul-text", "large"],
)
def test_a_body_that_cannot_be_kept_is_refused(
    hook: tuple[Hook, str], content_type: str, body: bytes, status: int
) -> None:
    answer = deliver(hook[0].pk, hook[1], body=body, content_type=content_type)
    assert answer.status_code == status, answer.content
    assert not Run.objects.exists()
    assert not HookDelivery.objects.exists()


def test_a_delivery_that_could_not_start_may_come_again(hook: tuple[Hook, str], taker: Workflow) -> None:
    taker.refs.all().delete()
    refused = deliver(hook[0].pk, hook[1])
    assert (refused.status_code, refused.json()["code"]) == (404, "ref_not_found")
    publish(workflow=taker, ref="live", actor=ACTOR)
    assert deliver(hook[0].pk, hook[1]).status_code == 202


@pytest.mark.rule("S18")
def test_deliveries_are_throttled_per_hook(
    hook: tuple[Hook, str], taker: Workflow, settings: Settings
) -> None:
    settings.RUNSHEET_MAX_API_CALLS_PER_MINUTE = 10
    other, other_secret = hook_create(workflow=taker, name="other", actor=ACTOR)
    answers = [deliver(hook[0].pk, hook[1], name=f"m{n}") for n in range(11)]
    assert [answer.status_code for answer in answers] == [202] * 10 + [429]
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert deliver(other.pk, other_secret).status_code == 202


@pytest.mark.rule("S18")
def test_a_stranger_without_the_secret_does_not_use_up_the_senders_share(
    hook: tuple[Hook, str], settings: Settings
) -> None:
    settings.RUNSHEET_MAX_API_CALLS_PER_MINUTE = 10
    knocks = [deliver(hook[0].pk, "whsec_AAAA", address="192.0.2.9").status_code for _ in range(11)]
    assert knocks == [401] * 10 + [429]
    assert deliver(hook[0].pk, hook[1]).status_code == 202


def test_a_hook_runs_what_its_ref_means_now(
    hook: tuple[Hook, str], taker: Workflow, workspace: Workspace
) -> None:
    deliver(hook[0].pk, hook[1])
    draft = {"blocks": [{"key": "start", "type": "start"}], "edges": []}
    workflow_update(workflow=taker, actor=ACTOR, definition=draft)
    publish(workflow=taker, ref="live", actor=ACTOR)
    deliver(hook[0].pk, hook[1], name="msg_2")
    assert list(Run.objects.order_by("id").values_list("version__number", flat=True)) == [1, 2]
