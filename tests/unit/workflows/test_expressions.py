"""The expression language: what it reads, what it makes, what it says when it cannot."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.engine.expressions import (
    SKIPPED,
    ExpressionError,
    compile_expression,
    compile_template,
)
from workflows.engine.types import ErrorClass

ROOTS: dict[str, Any] = {
    "input": {"n": 3},
    "row": {"name": "Ada", "score": 50, "email": "ada@x.org", "tags": ["b", "a"], "none": None, "my key": 1},
    "blocks": {"fetch": {"body": {"items": [{"id": 1}, {"id": 2}]}, "items": "a key"}, "gone": SKIPPED},
    "secrets": {"KEY": "s3cr3t {{ row.name }}"},
    "vars": {"region": "eu"},
}


def render(source: str, **more: Any) -> Any:
    return compile_template(source).render({**ROOTS, **more})


def evaluate(source: str, **more: Any) -> Any:
    return compile_expression(source).render({**ROOTS, **more})


def fault(source: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        evaluate(source)
    return caught.value


@pytest.mark.rule("W4")
@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("Hello {{ row.name }}", "Hello Ada"),
        ("{{ row.name }}\n", "Ada\n"),
        ("no expression } here", "no expression } here"),
        ("{{ row.tags }} {{ row.none }}!", '["b","a"] !'),
        ("{{ 1 == 1 }} {{ 2.5 }}", "true 2.5"),
        ("{{ '{{' }}", "{{"),
        ("{{- row.name -}}", "Ada"),
        ("}} {{ row.name }}", "}} Ada"),
    ],
)
def test_a_template_is_text_with_values_in_it(source: str, value: str) -> None:
    assert render(source) == value


@pytest.mark.rule("W4")
@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ row.tags }}", ["b", "a"]),
        ("{{ row.score }}", 50),
        ("{{row['my key']}}", 1),
        ("{{ row.none }}", None),
        ("{{ {'a': [row.score, (1, 2)]} }}", {"a": [50, [1, 2]]}),
        ("{{ blocks.fetch.body.items[1].id }}", 2),
    ],
)
def test_one_expression_alone_keeps_its_type(source: str, value: Any) -> None:
    assert render(source) == value


@pytest.mark.rule("W4")
@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("row.score > 40 and row.email.endswith('.org')", True),
        ("{{ row.score > 60 }}", False),
        ("'Ada' in row.name and 'b' in row.tags and 'name' in row", True),
        ("1 < 2 <= 2 != 3", True),
        ("-row.score + 2 ** 3 // 3 % 2 - 7 / 2", -53.5),
        ("2 ** 62", 2**62),
        ("(row.tags + ['c']) | last", "c"),
        ("'x' ~ 1 ~ none ~ true", "x1true"),
        ("'big' if row.score > 40 else 'small'", "big"),
        ("'big' if row.score > 400", None),
        ("row.tags[-1] ~ row.name[0:2]", "aAd"),
        ("row['na' ~ 'me']", "Ada"),
        ("(row.tags or [])[0].upper()", "B"),
        ("{'a': {'b': 1}}.a.b", 1),
        ("row.tags is defined and row.zip is not defined and row.none is none", True),
        ("row.items() | length", 6),
        ("blocks.fetch.items", "a key"),
        ("not row.none", True),
    ],
)
def test_expressions_compute(source: str, value: Any) -> None:
    assert evaluate(source) == value


@pytest.mark.rule("W4")
@pytest.mark.parametrize(
    "source", ["{% if row %}x{% endif %}", "a {# hidden #} b", "{% raw %}{{ x }}{% endraw %}"]
)
def test_tags_and_comments_are_refused(source: str) -> None:
    with pytest.raises(ExpressionError, match=r"only \{\{"):
        compile_template(source)


@pytest.mark.rule("W4", "W24")
def test_references_are_known_before_running() -> None:
    template = compile_template("{{ blocks.a.x }} {{ row.name | upper }} {{ input[row.key].deep }}")
    assert template.references == {("blocks", "a", "x"), ("row", "name"), ("row", "key"), ("input",)}
    assert compile_expression("vars.a['b c'][0]").references == {("vars", "a", "b c", 0)}


@pytest.mark.rule("W4")
def test_a_source_is_compiled_once() -> None:
    assert compile_template("{{ row.a | upper }}") is compile_template("{{ row.a | upper }}")
    assert compile_expression("row.a > 1") is compile_expression("row.a > 1")


@pytest.mark.rule("W5")
@pytest.mark.parametrize("path", ["blocks.gone", "blocks.gone.body.items[3].id", "blocks.gone['x']"])
def test_a_skipped_block_and_everything_under_it_is_null(path: str) -> None:
    assert evaluate(path) is None
    assert evaluate(f"({path}) | default('n/a')") == "n/a"
    assert render(f"<{{{{ {path} }}}}>") == "<>"
    assert evaluate(f"{path} is none and not {path} and [{path}] == [none]") is True


@pytest.mark.rule("W5")
@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("row.zip", "missing_path", "row.zip does not exist: row has no such key"),
        ("row.none.x", "missing_path", "row.none is null"),
        ("row.tags[9]", "missing_path", "row.tags is a list of 2"),
        ("row.name.first", "missing_path", "row.name is not an object"),
        ("row.zip == 1", "missing_path", "row.zip"),
        ("row.zip ~ ''", "missing_path", "row.zip"),
        ("row.zip | upper", "missing_path", "row.zip"),
        ("[1, {'a': row.zip}]", "missing_path", "row.zip"),
        ("not row.zip", "missing_path", "row.zip"),
        ("row.zip.deep.er", "missing_path", "row.zip"),
        ("[] | first", "missing_path", "empty"),
        ("blocks.nope.x", "unknown_block", "'nope'"),
        ("blocks.nope.x | default(1)", "unknown_block", "'nope'"),
        ("vars.nope", "unknown_variable", "'nope'"),
        ("secrets.NOPE | default('')", "unknown_secret", "'NOPE'"),
        ("item.x", "unknown_name", "'item' cannot be read here"),
    ],
)
def test_what_is_not_there_is_an_error_that_names_it(source: str, code: str, words: str) -> None:
    error = fault(source)
    assert (error.code, error.expression) == (code, source)
    assert words in error.message


@pytest.mark.rule("W5")
@pytest.mark.parametrize(
    "source",
    [
        "row.zip | default('n/a')",
        "row.none | default('n/a')",
        "row.a.b.c | d('n/a')",
        "row.tags[7] | default('n/a')",
    ],
)
def test_default_stands_in_for_what_is_missing_or_null(source: str) -> None:
    assert evaluate(source) == "n/a"


@pytest.mark.rule("W5")
def test_an_error_carries_block_field_and_expression() -> None:
    error = fault("row.zip").at("fetch", "config.url")
    assert (error.block, error.field, error.expression) == ("fetch", "config.url", "row.zip")
    assert "fetch.config.url: row.zip does not exist" in str(error)
    assert error.as_block_error().error_class is ErrorClass.REFERENCE
    assert fault("1 / 0").as_block_error().error_class is ErrorClass.VALIDATION


@pytest.mark.rule("W6", "S8")
def test_what_a_value_contains_is_never_expanded() -> None:
    assert render("{{ secrets.KEY }}") == "s3cr3t {{ row.name }}"
    assert (
        render("{{ x }}".replace("x", "row.name"), row={"name": "{{ secrets.KEY }}"}) == "{{ secrets.KEY }}"
    )
    assert render("a {{ row.name | upper }}", row={"name": "{{ 1 }}{% x %}"}) == "a {{ 1 }}{% X %}"


@pytest.mark.rule("W4", "W6")
@given(st.text(max_size=60))
def test_any_value_survives_a_template_unchanged(value: str) -> None:
    assert render("{{ row.v }}", row={"v": value}) == value
    assert render("<{{ row.v }}>", row={"v": value}) == f"<{value}>"


@pytest.mark.rule("W4")
@given(st.text(alphabet="{}%#'\"[]().|~ abrow_1,+-*<>=!", max_size=40))
def test_any_source_gives_a_value_or_an_expression_error(source: str) -> None:
    for compile_ in (compile_template, compile_expression):
        with suppress(ExpressionError):
            compile_(source).render(ROOTS)
