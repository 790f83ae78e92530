"""Whom a block asks: configs, the install's providers, and what limits are shared by (W33)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from tests.unit.workflows_blocks.conftest import run
from workflows.blocks.base import BlockFailed
from workflows.blocks.llm import LlmConfig
from workflows.blocks.llm_providers import Limits, Price, Provider, read_providers
from workflows.blocks.registry import block_types
from workflows.engine.config import compile_config

pytestmark = pytest.mark.rule("W33")

HERE = {"base_url": "https://llm.example.org/v1/", "model": "m"}
HOUSE = Provider(
    base_url="https://house.example.org/v1",
    model="house-1",
    limits=Limits(concurrency=2),
    prices={"house-1": Price(input_per_million=3)},
)


@pytest.fixture
def house(settings: Any) -> None:
    keyed = HOUSE.model_copy(update={"api_key": SecretStr("house-key")})
    settings.RUNSHEET_LLM_PROVIDERS = {"house": keyed}


def faults_of(config: dict[str, Any], type_name: str = "llm") -> dict[str | None, str]:
    _, faults = compile_config("a", block_types()[type_name].config_model, config)
    return {fault.field: fault.message for fault in faults}


@pytest.mark.rule("W1")
@pytest.mark.parametrize(
    ("config", "place"),
    [
        ({"model": "m", "prompt": "x"}, "config.provider"),
        ({**HERE, "provider": "house", "prompt": "x"}, "config.provider"),
        ({"provider": "nobody", "prompt": "x"}, "config.provider"),
        ({"base_url": "https://x/v1", "prompt": "x"}, "config.model"),
        (HERE, "config.messages"),
        ({**HERE, "prompt": "x", "messages": []}, "config.messages"),
        ({**HERE, "prompt": "x", "temperature": 3}, "config.temperature"),
        ({**HERE, "prompt": "x", "limits": {"concurrency": 0}}, "config.limits.concurrency"),
        ({**HERE, "prompt": "x", "response_schema": {"type": "nonsense"}}, "config.response_schema"),
        ({**HERE, "prompt": "x", "options": {"stream": False}}, "config.options"),
    ],
    ids=range(10),
)
def test_a_config_that_asks_nobody_nothing_is_refused_by_field(
    config: dict[str, Any], place: str, house: None
) -> None:
    assert list(faults_of(config)) == [place]


@pytest.mark.rule("S26")
@pytest.mark.parametrize("name", ["tools", "tool_choice", "functions"])
def test_no_tools_can_be_offered(name: str) -> None:
    faults = faults_of({**HERE, "prompt": "x", "options": {name: []}})
    assert "models are offered no tools" in faults["config.options"]


@pytest.mark.parametrize(
    ("type_name", "config", "place"),
    [
        ("classify", {"labels": []}, "config.labels"),
        ("classify", {"labels": ["a", {"label": "a"}]}, "config.labels"),
        ("router", {"routes": [{"key": "a"}, {"key": "a"}]}, "config.routes"),
        ("router", {"routes": [{"key": "a b"}]}, "config.routes.0.key"),
        ("extract", {"fields": {"a": {"type": "colour"}}}, "config.fields.a.type"),
        ("extract", {"fields": {}}, "config.fields"),
    ],
    ids=range(6),
)
def test_choices_must_be_sound(type_name: str, config: dict[str, Any], place: str) -> None:
    assert list(faults_of({**HERE, "text": "x", **config}, type_name)) == [place]


def test_secrets_are_allowed_in_the_key_alone() -> None:
    compiled, faults = compile_config(
        "a", LlmConfig, {**HERE, "api_key": "{{ secrets.K }}", "prompt": "{{ row.a }}"}
    )
    assert not faults
    assert {use.field: use.marker.secrets for use in compiled.uses} == {
        "config.api_key": True,
        "config.prompt": False,
    }


def config_of(**values: Any) -> LlmConfig:
    return LlmConfig.model_validate({"prompt": "x", **values})


def test_a_named_provider_is_who_the_install_says(house: None) -> None:
    target = config_of(provider="house", limits={"concurrency": 9, "requests_per_minute": 5}).target()
    assert (target.base_url, target.api_key, target.model) == (HOUSE.base_url, "house-key", "house-1")
    assert target.limits == Limits(concurrency=2, requests_per_minute=5)
    assert target.price == HOUSE.prices["house-1"]
    assert "house-key" not in repr(target)


def test_a_provider_that_was_taken_away_fails_with_its_name(house: None, settings: Any) -> None:
    config = config_of(provider="house")
    settings.RUNSHEET_LLM_PROVIDERS = {}
    with pytest.raises(BlockFailed) as failure:
        config.target()
    assert failure.value.error.code == "provider_unknown"


def test_limits_are_shared_by_host_and_key_and_name_no_key() -> None:
    def name(**values: Any) -> str:
        return config_of(**{**HERE, **values}).target().name

    assert name() == name(base_url="https://LLM.example.org/other/v1") == "llm.example.org"
    assert name(api_key="sk-one") == name(api_key="sk-one", model="n")
    assert len({name(), name(api_key="sk-one"), name(api_key="sk-two"), name(base_url="https://b.org")}) == 4
    assert "sk-one" not in name(api_key="sk-one")
    assert name(base_url="https://user:pw@llm.example.org/v1") == "llm.example.org"


def test_limits_that_cannot_be_asked_about_are_not_taken_for_none(settings: Any) -> None:
    from workflows.blocks.base import BlockPostponed

    settings.RUNSHEET_LOCKS_URL = ""
    with pytest.raises(BlockPostponed) as waiting:
        run("llm", {**HERE, "prompt": "x", "limits": {"concurrency": 1}})
    assert "limits unavailable" in waiting.value.reason


@pytest.mark.rule("W10")
@pytest.mark.parametrize(
    ("config", "handles"),
    [
        ({"routes": [{"key": "a"}, {"key": "b"}]}, {"route-a", "route-b", "else"}),
        ({}, {"else"}),
        ({"routes": [1, {"key": []}, {}]}, {"else"}),
    ],
    ids=range(3),
)
def test_a_router_names_its_ports_even_while_its_config_is_wrong(
    config: dict[str, Any], handles: set[str]
) -> None:
    assert block_types()["router"].handles(config) == handles


def told(setting: Any, **variables: str) -> tuple[dict[str, Provider], list[str]]:
    faults: list[str] = []
    written = setting if isinstance(setting, str) else json.dumps(setting)
    found = read_providers(written, lambda name: variables.get(name, ""), faults.append)
    return dict(found), faults


def test_providers_are_read_with_their_keys() -> None:
    found, faults = told(
        {"house": {"base_url": "https://h/v1", "api_key_env": "HOUSE_KEY"}}, HOUSE_KEY="sk-house-1"
    )
    assert not faults
    assert found["house"].api_key == SecretStr("sk-house-1")
    assert "sk-house-1" not in f"{found}{found['house'].model_dump()}"


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("no json", "must be a JSON object"),
        ("[]", "must be a JSON object"),
        ({"a b": {"base_url": "https://h"}}, "its name"),
        ({"a": {"base_url": "ftp://h"}}, "base_url"),
        ({"a": 5}, "the provider"),
        ({"a": {"base_url": "https://h", "limits": {"concurrency": 0}}}, "limits.concurrency"),
        ({"a": {"base_url": "https://h", "api_key": "sk-1"}}, "api_key_env"),
        ({"a": {"base_url": "https://h", "api_key_env": "NOT_SET"}}, "NOT_SET, which is not set"),
    ],
    ids=range(8),
)
def test_a_wrong_provider_is_told_without_its_values(setting: Any, says: str) -> None:
    _, (fault,) = told(setting)
    assert fault.startswith("RUNSHEET_LLM_PROVIDERS")
    assert says in fault
    assert "sk-1" not in fault


def test_no_setting_is_no_provider() -> None:
    assert told("") == ({}, [])
