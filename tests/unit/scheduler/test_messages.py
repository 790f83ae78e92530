"""Messages: the one template language over payload, trigger and time; values are never expanded again (W4, W6)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from scheduler.models import Invocation, Trigger
from scheduler.services.messages import LARGEST_MESSAGE_BYTES, MessageInvalid, message_render, payload_of

SLOT = datetime(2026, 7, 1, 13, 30, tzinfo=UTC)


def rendered(template: str | None, payload: dict[str, Any] | None = None, **fields: Any) -> str:
    """The message of an invocation of such a trigger; nothing is stored."""
    given = {"name": "Nightly", "cron_timezone": "America/New_York", "ref": "live", **fields}
    trigger = Trigger(message_template=template, payload=payload or {}, **given)
    invocation = Invocation(trigger=trigger, scheduled_for=SLOT)
    return message_render(invocation, payload_of(invocation))


def test_without_a_template_the_message_is_the_payload() -> None:
    assert rendered(None, {"customer": "Ada", "n": 1}) == '{"customer":"Ada","n":1}'
    assert rendered(None) == "{}"


@pytest.mark.rule("template_nested")
def test_nested_values_are_read_by_their_path() -> None:
    payload = {"order": {"lines": [{"sku": "A-1"}, {"sku": "B-2"}]}}
    assert rendered("Ship {{ payload.order.lines[1].sku }}!", payload) == "Ship B-2!"


def test_what_a_template_may_read() -> None:
    template = (
        "{{ trigger.name }} {{ trigger.ref }} {{ scheduled_for }} {{ scheduled_for_local }} {{ timezone }}"
    )
    made = "Nightly live 2026-07-01T13:30:00.000Z 2026-07-01T09:30:00.000-04:00 America/New_York"
    assert rendered(template) == made


@pytest.mark.rule("template_missing")
@pytest.mark.parametrize(
    "template",
    [
        "{{ payload.nothing }}",
        "{{ payload.a.b }}",
        "Hi {{ trigger.secret }}",
        "{{ secrets.key }}",
        "{{ row.x }}",
    ],
)
def test_what_is_not_there_is_an_error_that_names_it(template: str) -> None:
    with pytest.raises(MessageInvalid) as error:
        rendered(template, {"a": 1})
    assert template.strip("Hi {}").split(".")[0] in str(error.value)


def test_a_missing_value_may_have_a_default() -> None:
    assert rendered("{{ payload.nothing|default('nobody') }}") == "nobody"


@pytest.mark.rule("template_object")
def test_objects_and_lists_are_json() -> None:
    payload = {"who": {"name": "Åsa"}, "tags": ["a", 1, None], "n": 3, "none": None}
    assert rendered("{{ payload.who }}", payload) == '{"name":"Åsa"}'
    assert rendered("Tags: {{ payload.tags }}", payload) == 'Tags: ["a",1,null]'
    assert rendered("{{ payload.n }}", payload) == "3"
    assert rendered("{{ payload.none }}", payload) == ""


@pytest.mark.rule("template_no_double_expansion")
def test_a_value_that_looks_like_a_template_stays_what_it_is() -> None:
    payload = {"text": "{{ trigger.name }} {{ payload.text }}"}
    assert rendered("Say {{ payload.text }}", payload) == "Say {{ trigger.name }} {{ payload.text }}"
    assert rendered("{{ payload.text }}", payload) == "{{ trigger.name }} {{ payload.text }}"


@pytest.mark.rule("template_injection_inert")
@pytest.mark.parametrize(
    "attack",
    [
        "{{ payload.__class__ }}",
        "{{ payload.text.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{% for x in payload %}{{ x }}{% endfor %}",
        "{{ payload|attr('__class__') }}",
        "{{ self }}",
        "{{ cycler.__init__.__globals__ }}",
    ],
)
def test_a_template_reaches_nothing_of_python(attack: str) -> None:
    with pytest.raises(MessageInvalid):
        rendered(attack, {"text": "x"})


def test_markup_in_a_value_is_text() -> None:
    payload = {"text": "<script>alert(1)</script> '; DROP TABLE x; --"}
    assert rendered("{{ payload.text }}", payload) == payload["text"]


def test_a_message_has_a_limit() -> None:
    fits = {"text": "x" * LARGEST_MESSAGE_BYTES}
    assert len(rendered("{{ payload.text }}", fits)) == LARGEST_MESSAGE_BYTES
    with pytest.raises(MessageInvalid, match="65,536"):
        rendered("{{ payload.text }}!", fits)


def test_a_payload_of_its_own_comes_before_the_triggers() -> None:
    trigger = Trigger(name="n", payload={"of": "trigger"})
    assert payload_of(Invocation(trigger=trigger)) == {"of": "trigger"}
    assert payload_of(Invocation(trigger=trigger, resolved_payload={})) == {}
    assert payload_of(Invocation(trigger=trigger, resolved_payload={"of": "rerun"})) == {"of": "rerun"}
