"""Whose trigger is whose: who may change one, whom it may run as, who may start it (`scheduler.md` section 5)."""

from __future__ import annotations

import pytest

from scheduler.models import Trigger
from tests.bed.triggers import person_make, trigger_make
from tests.integration.scheduler.callers import Caller, admin, caller_make, editor, stranger, viewer

__all__ = ["admin", "editor", "stranger", "viewer"]

pytestmark = pytest.mark.django_db


@pytest.mark.rule("non_admin_run_as_other_403")
def test_only_an_admin_has_a_trigger_run_as_somebody_else(admin: Caller, editor: Caller) -> None:
    other = str(person_make(admin.workspace).pk)

    made = editor.make()
    for answer in (editor.refused(run_as_user=other), editor.change(made, run_as_user=other)):
        assert (answer.status_code, answer.json()["code"]) == (403, "run_as_forbidden")

    assert editor.shown(made)["run_as_user"] == str(editor.user.pk)
    assert editor.change(made, run_as_user=str(editor.user.pk)).status_code == 200
    assert admin.change(made, run_as_user=other).json()["run_as_user"] == other
    # Whoever made it may go on to change it, and need not say again whom it runs as.
    assert editor.change(made, run_as_user=other, name="Renamed").status_code == 200
    assert editor.change(made, run_as_user=str(editor.user.pk)).status_code == 200


def test_a_trigger_runs_as_an_active_member_who_may_run_it(admin: Caller, stranger: Caller) -> None:
    closed = person_make(admin.workspace)
    closed.is_active = False
    closed.save()
    refused = [str(person_make(admin.workspace, "viewer").pk), str(stranger.user.pk), str(closed.pk), None]

    for person in refused:
        answer = admin.refused(run_as_user=person)
        assert (answer.status_code, answer.json()["errors"].keys()) == (400, {"run_as_user"})


def test_a_trigger_is_changed_by_admins_its_maker_and_whom_it_runs_as(admin: Caller, editor: Caller) -> None:
    other = caller_make(admin.workspace, "editor")
    made = editor.make()
    calls = [
        ("patch", "", {"name": "x"}),
        ("post", "enable/", None),
        ("post", "disable/", None),
        ("delete", "", None),
    ]

    for method, path, body in calls:
        answer = other.send(method, f"triggers/{made['id']}/{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (403, "trigger_forbidden"), (method, path)

    assert admin.change(made, run_as_user=str(other.user.pk)).status_code == 200
    assert other.change(made, name="mine too").status_code == 200
    assert editor.change(made, name="still mine").status_code == 200
    assert admin.change(made, name="an admin's").status_code == 200


def test_what_runs_as_somebody_else_is_started_by_admins_only(admin: Caller, editor: Caller) -> None:
    trigger = trigger_make(admin.workspace, run_as_user=person_make(admin.workspace))
    path = f"triggers/{trigger.pk}/run/"

    refused = editor.send("post", path, {})
    assert (refused.status_code, refused.json()["code"]) == (403, "run_as_forbidden")
    assert admin.send("post", path, {}).status_code == 202


def test_a_copy_is_the_callers_own_and_switched_off(admin: Caller, editor: Caller) -> None:
    other = str(person_make(admin.workspace).pk)
    made = admin.make(run_as_user=other, payload={"a": 1}, max_retries=7, pause_on_failures=2)

    copy = editor.send("post", f"triggers/{made['id']}/duplicate/").json()

    assert copy["id"] != made["id"]
    assert (copy["name"], copy["payload"], copy["max_retries"]) == ("Nightly (copy)", {"a": 1}, 7)
    assert (copy["enabled"], copy["next_run_at"], copy["disabled_reason"]) == (False, None, "user")
    assert (copy["run_as_user"], copy["created_by_id"]) == (str(editor.user.pk), str(editor.user.pk))
    named = admin.send("post", f"triggers/{made['id']}/duplicate/", {"name": "Weekly"}).json()
    assert (named["name"], named["run_as_user"]) == ("Weekly", other)


def test_a_long_name_leaves_room_for_the_word_copy(editor: Caller) -> None:
    made = editor.make(name="n" * 256)

    copy = editor.send("post", f"triggers/{made['id']}/duplicate/").json()

    assert (len(copy["name"]), copy["name"][-7:]) == (256, " (copy)")


def test_viewers_look_and_do_nothing(admin: Caller, viewer: Caller) -> None:
    made = admin.make()

    assert viewer.shown(made)["name"] == "Nightly"
    assert viewer.send("post", "triggers/preview/", {"cron": "0 9 * * *", "tz": "UTC"}).status_code == 200
    for method, path in (("post", "run/"), ("patch", ""), ("delete", ""), ("post", "enable/")):
        assert viewer.send(method, f"triggers/{made['id']}/{path}", {}).status_code == 403
    assert viewer.send("post", "triggers/", {}).status_code == 403
    assert Trigger.objects.count() == 1
