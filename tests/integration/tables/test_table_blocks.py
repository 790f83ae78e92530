"""table_query and table_upsert: a workflow reads and writes tables within the commit of its step (W15)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from tables.events import stream_key
from tables.models import Row, Table
from tests.bed.factories import Sheet, sheet_make, workspace_make
from workflows.blocks.base import BlockFailed
from workflows.blocks.registry import block_types
from workflows.blocks.trial import new_context, try_block
from workflows.engine.types import Effect
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db


def call(name: str, workspace: Workspace, config: dict[str, Any], **given: Any) -> Any:
    """The block's output, of a run of that workspace, in a transaction as its commit has one."""
    where = replace(new_context(block_types()[name], {}), workspace_id=workspace.pk)
    with transaction.atomic():
        return try_block(name, config, input=given, context=where).output


def companies(**more: Any) -> Sheet:
    sheet = sheet_make(name="Companies")
    sheet.column("domain", **more)
    sheet.column("name")
    sheet.column("score", "number")
    return sheet


def upsert(sheet: Sheet, rows: Any, *, key: str | None = "domain", **more: Any) -> Any:
    return call("table_upsert", sheet.workspace, {"table": "Companies", "rows": rows, "key": key, **more})


def query(sheet: Sheet, **config: Any) -> Any:
    return call("table_query", sheet.workspace, {"table": "Companies", **config})


def refused(failure: pytest.ExceptionInfo[BlockFailed]) -> tuple[str, list[str]]:
    error = failure.value.error
    return error.code, list((error.detail or {}).get("errors") or [])


# ---- table_upsert --------------------------------------------------------------------------------------------


@pytest.mark.rule("W15")
def test_rows_are_inserted_written_over_or_left_and_counted() -> None:
    sheet = companies()
    known, same = sheet.fill(
        [{"domain": "a.org", "name": "A", "score": 1}, {"domain": "b.org", "name": "B", "score": 2}]
    )
    done = upsert(
        sheet,
        [
            {"domain": "c.org", "Name": "C", "score": "7.5"},
            {"domain": "a.org", "score": 3},
            {"domain": "b.org", "name": "B", "score": 2.0},
        ],
    )
    new = UUID(done["ids"][0])
    assert done == {
        "inserted": 1,
        "updated": 1,
        "unchanged": 1,
        "missing": 0,
        "ids": [str(new), str(known), str(same)],
    }
    assert sheet.values("name") == ["A", "B", "C"]
    assert sheet.values("score") == [3, 2, 7.5]
    assert Table.objects.get().row_count == 3
    assert Row.objects.get(pk=new).edited == []


@pytest.mark.parametrize(
    ("mode", "counts", "names", "has_missing"),
    [
        ("insert", (1, 0, 1, 0), ["A", "C"], False),
        ("update", (0, 1, 0, 1), ["A2"], True),
        ("upsert", (1, 1, 0, 0), ["A2", "C"], False),
    ],
)
def test_a_mode_inserts_or_updates_or_both(
    mode: str,
    counts: tuple[int, ...],
    names: list[str],
    has_missing: bool,
) -> None:
    sheet = companies()
    sheet.fill([{"domain": "a.org", "name": "A"}])
    rows = [{"domain": "a.org", "name": "A2"}, {"domain": "c.org", "name": "C"}]
    done = upsert(sheet, rows, mode=mode)
    assert tuple(done[name] for name in ("inserted", "updated", "unchanged", "missing")) == counts
    assert sheet.values("name") == names
    assert (done["ids"][1] is None) is has_missing
    assert Table.objects.get().row_count == len(names)


def test_one_row_goes_without_a_list_and_an_insert_without_a_key() -> None:
    sheet = companies()
    for _ in range(2):
        assert upsert(sheet, {"name": "A"}, key=None, mode="insert")["inserted"] == 1
    assert upsert(sheet, [], key=None, mode="insert")["ids"] == []
    assert sheet.values("name") == ["A", "A"]


@pytest.mark.rule("W3")
def test_the_examples_give_what_they_say() -> None:
    sheet = companies()
    outputs = {}
    for name in ("table_upsert", "table_query"):
        example = block_types()[name].example
        assert block_types()[name].effect(example.config) is Effect.DATABASE
        outputs[name] = call(name, sheet.workspace, dict(example.config), **example.input)
        shown = json.dumps(example.output).replace("a-row", str(Row.objects.get().pk))
        assert outputs[name] == json.loads(shown)


def test_null_empties_and_columns_that_are_not_named_stay() -> None:
    sheet = companies()
    sheet.fill([{"domain": "a.org", "name": "A", "score": 1}])
    assert upsert(sheet, {"domain": "a.org", "name": None})["updated"] == 1
    assert Row.objects.get().data == {"domain": "a.org", "score": 1}
    assert upsert(sheet, {"domain": "a.org", "name": None})["unchanged"] == 1


@pytest.mark.rule("T30")
def test_what_a_person_typed_into_a_filled_column_stays() -> None:
    from tests.bed.factories import chain, setting

    sheet = companies()
    sheet.group("G", chain(setting("say", "x")), outputs={"g": "result.value", "h": "result.other"})
    (row,) = sheet.fill([{"domain": "a.org", "g": "typed", "h": "old"}])
    Row.objects.filter(pk=row).update(edited=["g"])
    assert upsert(sheet, {"domain": "a.org", "g": "mine", "h": "new"})["updated"] == 1
    assert upsert(sheet, {"domain": "a.org", "g": None})["unchanged"] == 1
    stored = Row.objects.get()
    assert (stored.data["g"], stored.data["h"], stored.edited) == ("typed", "new", ["g"])


WRONG: list[tuple[str, Any, dict[str, Any], tuple[str, list[str]]]] = [
    ("a value", {"domain": "x", "score": "many"}, {}, ("value_invalid", ["rows[0].score"])),
    ("a column", [{"domain": "x"}, {"domain": "y", "nam": 1}], {}, ("value_invalid", ["rows[1].nam"])),
    ("no key", [{"domain": "x"}, {"name": "n"}], {}, ("value_invalid", ["rows[1].Domain"])),
    ("twice", [{"domain": "x"}, {"domain": "x"}], {}, ("value_invalid", ["rows[1].Domain"])),
    ("a key column", {"domain": "x"}, {"key": "domian"}, ("value_invalid", ["key"])),
    ("a key that is ambiguous", {"domain": "twin"}, {}, ("value_invalid", ["rows[0].Domain"])),
    ("too many", [{"domain": "x"}] * 1_001, {}, ("limit_reached", [])),
    ("a table", {"domain": "x"}, {"table": "Nowhere"}, ("table_not_found", [])),
    ("no key column", {"domain": "x"}, {"key": None}, ("bad_config", [])),
    ("a row that is none", ["x"], {}, ("bad_config", [])),
]


@pytest.mark.parametrize(
    ("rows", "config", "said"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG]
)
def test_what_is_wrong_is_named_and_nothing_is_written(
    rows: Any, config: dict[str, Any], said: tuple[str, list[str]]
) -> None:
    sheet = companies()
    sheet.fill([{"domain": "twin"}, {"domain": "twin"}])
    with pytest.raises(BlockFailed) as failure:
        upsert(sheet, rows, **config)
    assert refused(failure) == said
    assert sheet.values("domain") == ["twin", "twin"]


def test_a_unique_column_is_checked_as_it_stands_in_the_end() -> None:
    sheet = companies()
    sheet.columns["name"].unique = True
    sheet.columns["name"].save()
    sheet.fill([{"domain": "a", "name": "1"}, {"domain": "b", "name": "2"}])
    with pytest.raises(BlockFailed) as failure:
        upsert(sheet, [{"domain": "c", "name": "3"}, {"domain": "d", "name": "2"}])
    assert refused(failure) == ("value_invalid", ["rows[1].Name"])
    assert upsert(sheet, [{"domain": "a", "name": "2"}, {"domain": "b", "name": "1"}])["updated"] == 2
    assert sheet.values("name") == ["2", "1"]


def test_a_required_column_is_asked_of_new_rows_and_not_emptied() -> None:
    sheet = companies()
    sheet.columns["name"].required = True
    sheet.columns["name"].save()
    sheet.fill([{"domain": "a", "name": "A"}])
    assert upsert(sheet, {"domain": "a", "score": 1})["updated"] == 1
    for rows, place in (([{"domain": "a"}, {"domain": "b"}], 1), ([{"domain": "a", "name": None}], 0)):
        with pytest.raises(BlockFailed) as failure:
            upsert(sheet, rows)
        assert list(failure.value.error.detail["errors"]) == [f"rows[{place}].Name"]


@pytest.mark.rule("T6")
def test_a_row_that_grows_too_large_is_named(settings: Any) -> None:
    settings.RUNSHEET_MAX_ROW_BYTES = 60
    sheet = companies()
    sheet.fill([{"domain": "a", "name": "n" * 20}])
    with pytest.raises(BlockFailed) as failure:
        upsert(sheet, [{"domain": "b"}, {"domain": "a", "score": 10**20}])
    assert refused(failure) == ("row_too_large", ["rows[1]"])
    assert Table.objects.get().row_count == Row.objects.count() == 1


@pytest.mark.parametrize(
    ("lock", "rows"), [("insert", {"domain": "b"}), ("update", {"domain": "a", "name": "B"})]
)
def test_the_locks_of_a_table_hold(lock: str, rows: dict[str, Any]) -> None:
    sheet = companies()
    sheet.fill([{"domain": "a"}])
    Table.objects.update(locks=[lock])
    with pytest.raises(BlockFailed) as failure:
        upsert(sheet, rows)
    assert failure.value.error.code == "table_locked"
    Table.objects.update(locks=["schema", "delete"])
    done = upsert(sheet, rows)
    assert done["inserted"] + done["updated"] == 1


@pytest.mark.rule("S9")
@pytest.mark.parametrize("by", ["name", "id"])
@pytest.mark.parametrize(
    ("block", "config"), [("table_query", {}), ("table_upsert", {"rows": {}, "mode": "insert"})]
)
def test_a_table_of_another_workspace_is_not_found(block: str, config: dict[str, Any], by: str) -> None:
    sheet = companies()
    named = {"table": "Companies" if by == "name" else str(sheet.table.pk), **config}
    call(block, sheet.workspace, named)
    rows = Row.objects.count()
    with pytest.raises(BlockFailed) as failure:
        call(block, workspace_make("Other"), named)
    assert failure.value.error.code == "table_not_found"
    Table.objects.update(archived_at="2020-01-01T00:00:00Z")
    with pytest.raises(BlockFailed):
        call(block, sheet.workspace, named)
    assert Row.objects.count() == rows


# ---- table_query ---------------------------------------------------------------------------------------------


def test_rows_are_found_by_filter_in_the_order_asked() -> None:
    sheet = companies()
    ids = sheet.fill([{"domain": f"d{n}", "score": n} for n in (3, 1, 2)])
    found = query(
        sheet,
        filter={"column": "score", "op": "gte", "value": 2},
        sort=["-score"],
        fields=["Domain"],
        limit=1,
    )
    assert found == {"rows": [{"id": str(ids[0]), "data": {"domain": "d3"}}], "count": 2}
    by_score = query(sheet, sort=[{"column": "score", "direction": "asc"}])["rows"]
    assert [row["data"] for row in by_score] == [{"domain": f"d{n}", "score": n} for n in (1, 2, 3)]
    assert query(sheet, limit=2)["count"] == 3
    assert [row["id"] for row in query(sheet)["rows"]] == [str(row) for row in ids]


def test_values_of_a_filter_are_templates() -> None:
    sheet = companies()
    sheet.fill([{"domain": "a", "score": 1}, {"domain": "b", "score": 2}])
    config = {
        "table": "{{ input.table }}",
        "filter": {"any": [{"column": "score", "op": "in", "value": "{{ input.scores }}"}]},
        "limit": "{{ input.most }}",
    }
    found = call("table_query", sheet.workspace, config, table="Companies", scores=[2, 3], most=5)
    assert [row["data"]["domain"] for row in found["rows"]] == ["b"]


@pytest.mark.parametrize(
    ("config", "code", "place"),
    [
        ({"filter": {"column": "nope", "op": "eq", "value": 1}}, "filter_invalid", "filter.column"),
        ({"filter": {"column": "score", "op": "eq", "value": "x"}}, "filter_invalid", "filter.value"),
        ({"sort": ["nope"]}, "sort_invalid", "sort[0]"),
        ({"fields": ["name", "nope"]}, "column_not_found", "fields[1]"),
    ],
    ids=["filter column", "filter value", "sort", "fields"],
)
def test_a_question_that_makes_no_sense_says_where(config: dict[str, Any], code: str, place: str) -> None:
    with pytest.raises(BlockFailed) as failure:
        query(companies(), **config)
    assert refused(failure) == (code, [place])


@pytest.mark.rule("F21")
def test_more_than_a_step_can_keep_is_refused_in_the_database() -> None:
    sheet = companies()
    sheet.fill([{"domain": "d" * 250_000, "name": str(n)} for n in range(5)])
    with pytest.raises(BlockFailed) as failure:
        query(sheet)
    assert failure.value.error.code == "limit_reached"
    assert [row["data"]["name"] for row in query(sheet, fields=["name"])["rows"]] == list("01234")
    assert query(sheet, limit=2)["count"] == 5


def test_values_of_deleted_columns_are_not_answered() -> None:
    sheet = companies()
    sheet.fill([{"domain": "a", "gone": "secret"}])
    assert query(sheet)["rows"][0]["data"] == {"domain": "a"}


# ---- live ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_sockets_hear_of_the_rows_after_the_commit_and_of_nothing_that_was_undone() -> None:
    import redis
    from django.conf import settings

    sheet = companies()
    (known,) = sheet.fill([{"domain": "a"}])
    log = redis.Redis.from_url(settings.RUNSHEET_REDIS_URL)
    with transaction.atomic():
        upsert(sheet, {"domain": "lost"})
        transaction.set_rollback(True)
    assert log.xlen(stream_key(sheet.table.pk)) == 0
    done = upsert(sheet, [{"domain": "b"}, {"domain": "a", "name": "A"}])
    entries: Any = log.xrange(stream_key(sheet.table.pk))
    ((_, entry),) = entries
    assert json.loads(entry[b"e"]) == [{"kind": "rows", "changed": [str(known)], "inserted": done["ids"][:1]}]
    assert upsert(sheet, {"domain": "a"})["unchanged"] == 1
    assert log.xlen(stream_key(sheet.table.pk)) == 1
