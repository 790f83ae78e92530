"""Every filter finds in PostgreSQL what a plain reading of it finds in Python (T40, S23)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from tables.engine.coercion import COLUMN_TYPES, coerce, is_empty
from tables.engine.filters import compile_filter
from tables.engine.sorting import compile_sort
from tables.engine.types import ColumnSpec, TableSpec
from tables.models import Row, RowExecution
from tables.row_list import Listing, rows_after, rows_from
from tables.selectors import table_spec
from tests.bed.factories import Sheet, chain, setting, sheet_make
from tests.bed.properties import cases

pytestmark = [pytest.mark.django_db, pytest.mark.rule("T40", "S23")]

NOW = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
NAMES = {
    "text": "name",
    "number": "score",
    "currency": "price",
    "boolean": "paid",
    "date": "day",
    "datetime": "moment",
    "select": "kind",
    "multi_select": "tags",
    "url": '"; drop table',
    "email": "a'->>'b",
    "json": "%s %(x)s",
}
CHOICES = ["a", "b", "c"]

WORDS = st.sampled_from(["", "a", "b", "ab", "AB", "ba", "abc", "a%b", "a_b", "axb"])
NUMBERS = st.sampled_from([0, 1, 2, 2.5, -1, 10, 1000000])
DAYS = st.sampled_from(["2026-02-22", "2026-02-28", "2026-03-01", "2026-03-02", "2026-03-08", "2025-12-31"])
MOMENTS = st.builds(
    lambda day, time: f"{day}T{time}:00.000Z", DAYS, st.sampled_from(["00:00", "12:30", "23:59"])
)
FITTING: Mapping[str, st.SearchStrategy[Any]] = {
    "text": WORDS,
    "number": NUMBERS,
    "currency": NUMBERS,
    "boolean": st.booleans(),
    "date": DAYS,
    "datetime": MOMENTS,
    "select": st.sampled_from(CHOICES),
    "multi_select": st.lists(st.sampled_from(CHOICES), unique=True),
    "url": st.sampled_from(["https://a.example/", "https://b.example/x", "https://a.example/X"]),
    "email": st.sampled_from(["a@example.org", "b@example.org", "A@example.org"]),
    "json": st.sampled_from([1, "ab", ["a"], {"k": "ab"}, [], True]),
}
MISFIT = st.sampled_from([None, 7, "ab", True, ["a"]])
"""What a row may hold from before its column changed type."""

ROW = st.fixed_dictionaries(
    {},
    optional={
        NAMES[kind]: st.one_of(values, values, values, MISFIT)
        if kind not in {"text", "url", "email"}
        else values
        for kind, values in FITTING.items()
    },
)


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(FITTING)))
    op = draw(st.sampled_from(COLUMN_TYPES[kind].operators))
    return {"column": NAMES[kind], "op": op} | draw(_values(kind, op))


def _values(kind: str, op: str) -> st.SearchStrategy[dict[str, Any]]:
    one = FITTING[kind].filter(lambda value: value not in ("", [], None))
    if kind == "datetime":
        one = st.one_of(one, DAYS)
    if op in {"is_empty", "not_empty", "today", "yesterday", "tomorrow"}:
        return st.just({})
    if op in {"last_days", "next_days"}:
        wanted: st.SearchStrategy[Any] = st.integers(1, 9)
    elif kind == "multi_select":
        wanted = st.one_of(st.sampled_from(CHOICES), one)
    elif op in {"in", "not_in"}:
        wanted = st.lists(FITTING[kind].filter(lambda value: value not in ("", None)), min_size=1, max_size=3)
    elif op == "between":
        wanted = st.lists(one, min_size=2, max_size=2)
    elif op in {"contains", "not_contains", "starts_with", "ends_with"}:
        wanted = st.sampled_from(["a", "B", "ab", "%", "_", "b@", "example", "k"])
    else:
        wanted = one
    return st.builds(lambda value: {"value": value}, wanted)


STATUS = st.sampled_from(["none", "completed", "failed", "running", "outdated", "stale"])
CELLS = st.one_of(
    st.builds(lambda status: {"status": status}, st.one_of(STATUS, st.lists(STATUS, min_size=1, max_size=3))),
    st.builds(lambda code: {"error": code}, st.sampled_from(["timeout", "other", ["timeout", "other"]])),
)
FILTERS = st.recursive(
    st.one_of(conditions(), conditions(), CELLS),
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=6,
).filter(lambda tree: _depth(tree) <= 5)
CELL = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {
            "status": st.sampled_from(["completed", "failed", "running", "cancelled"]),
            "group_revision": st.integers(0, 1),
            "error": st.sampled_from([None, {"code": "timeout"}, {"code": "odd"}]),
        }
    ),
)
ROWS = st.lists(
    st.tuples(ROW, CELL, st.sampled_from([None, "", "made"]), st.booleans()), min_size=1, max_size=6
)


def _depth(tree: Mapping[str, Any]) -> int:
    if "not" in tree:
        return 1 + _depth(tree["not"])
    parts = tree.get("all", tree.get("any"))
    return 1 + max((_depth(part) for part in parts), default=0) if parts is not None else 1


class Reader:
    """The plain reading."""

    def __init__(self, spec: TableSpec) -> None:
        self.columns = {column.name: column for column in spec.columns}

    def holds(self, tree: Mapping[str, Any], row: Mapping[str, Any], cell: Mapping[str, Any]) -> bool:
        if "all" in tree:
            return all(self.holds(part, row, cell) for part in tree["all"])
        if "any" in tree:
            return any(self.holds(part, row, cell) for part in tree["any"])
        if "not" in tree:
            return not self.holds(tree["not"], row, cell)
        if "column" in tree:
            column = self.columns[tree["column"]]
            return condition(column, tree["op"], tree.get("value"), row.get(column.key))
        if "error" in tree:
            code = (cell["error"] or {}).get("code") if cell["status"] == "failed" else None
            return (
                code is not None and code in tree["error"]
                if isinstance(tree["error"], list)
                else code == tree["error"]
            )
        asked = [tree["status"]] if isinstance(tree["status"], str) else tree["status"]
        return any(self.has_status(each, cell) for each in asked)

    def has_status(self, asked: str, cell: Mapping[str, Any]) -> bool:
        if asked == "none":
            return cell["status"] is None
        if asked == "outdated":
            return bool(cell["status"] == "completed" and cell["group_revision"] < 1)
        if asked == "stale":
            return bool(cell["output"] and not cell["edited"] and cell["status"] != "completed")
        return bool(cell["status"] == asked)


NEGATED = {
    "ne": "eq",
    "not_in": "in",
    "not_contains": "contains",
    "not_empty": "is_empty",
    "none_of": "any_of",
}


def condition(column: ColumnSpec, op: str, wanted: Any, value: Any) -> bool:  # noqa: PLR0911 - one line per operator
    if op in NEGATED:
        return not condition(column, NEGATED[op], wanted, value)
    if op == "is_empty":
        return is_empty(column.type, value)
    if COLUMN_TYPES[column.type].family == "list":
        asked = set(wanted if isinstance(wanted, list) else [wanted])
        held = set(value) if isinstance(value, list) else set()
        return asked <= held if op == "all_of" else bool(asked & held) and isinstance(value, list)
    if op in {"contains", "starts_with", "ends_with"}:
        text = as_text(value)
        lower = None if text is None else text.lower()
        tests = {"contains": str.__contains__, "starts_with": str.startswith, "ends_with": str.endswith}
        return lower is not None and bool(tests[op](lower, wanted.lower()))
    if op == "between":
        return condition(column, "gte", wanted[0], value) and condition(column, "lte", wanted[1], value)
    subject = subject_of(column, value)
    if subject is None:
        return False
    if op in {"today", "yesterday", "tomorrow", "last_days", "next_days"}:
        return str(subject)[:10] in {day.isoformat() for day in days(op, wanted)}
    if op == "in":
        return subject in [coerce(column, each) for each in wanted]
    if column.type == "datetime" and isinstance(wanted, str) and len(wanted) == 10:
        subject = str(subject)[:10]
        return compared(op, subject, wanted)
    return compared(op, subject, coerce(column, wanted))


def compared(op: str, value: Any, wanted: Any) -> bool:
    return {
        "eq": value == wanted,
        "gt": value > wanted,
        "after": value > wanted,
        "gte": value >= wanted,
        "lt": value < wanted,
        "before": value < wanted,
        "lte": value <= wanted,
    }[op]


def days(op: str, count: Any) -> list[date]:
    first, last = {"today": (0, 0), "yesterday": (-1, -1), "tomorrow": (1, 1)}.get(op) or (
        (1 - count, 0) if op == "last_days" else (1, count)
    )
    return [NOW.date() + timedelta(days=n) for n in range(first, last + 1)]


def subject_of(column: ColumnSpec, value: Any) -> Any:
    family = COLUMN_TYPES[column.type].family
    if family == "number":
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if family == "boolean":
        return value is True  # a value that is no truth value is unchecked
    return as_text(value)


def as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def sheet_with_columns() -> Sheet:
    sheet = sheet_make()
    for kind, name in NAMES.items():
        options = {"choices": CHOICES} if kind in {"select", "multi_select"} else {}
        sheet.column(name, kind, options=options)
        sheet.columns[name].name = name
        sheet.columns[name].save()
    sheet.group("A", chain(setting("greet", "x")), outputs={"out": "result.value"})
    return sheet


def fill(sheet: Sheet, rows: list[tuple[Any, ...]]) -> list[UUID]:
    ids = sheet.fill([{**row, **({} if out is None else {"out": out})} for row, _, out, _ in rows])
    for row_id, (_, cell, _, edited) in zip(ids, rows, strict=True):
        if cell is not None:
            RowExecution.objects.create(row_id=row_id, group=sheet.groups["A"], table=sheet.table, **cell)
        if edited:
            Row.objects.filter(id=row_id).update(edited=["out"])
    return ids


def with_group(tree: Any, group: str) -> Any:
    if isinstance(tree, list):
        return [with_group(part, group) for part in tree]
    if "status" in tree or "error" in tree:
        return {**tree, "group": group}
    return {
        name: with_group(part, group) if name in {"all", "any", "not"} else part
        for name, part in tree.items()
    }


def test_a_filter_finds_what_it_says() -> None:
    sheet = sheet_with_columns()
    spec = table_spec(sheet.table.pk)
    reader = Reader(spec)

    @cases(200)
    @given(rows=ROWS, tree=FILTERS)
    def check(rows: list[tuple[Any, ...]], tree: dict[str, Any]) -> None:
        clause = compile_filter(with_group(tree, str(sheet.groups["A"].pk)), spec.columns, NOW)
        with transaction.atomic(), connection.cursor() as cursor:
            ids = fill(sheet, rows)
            cursor.execute(
                f"SELECT r.id, {clause.sql} FROM tables_row r WHERE r.table_id = %s",
                [*clause.params, sheet.table.pk],
            )
            found = dict(cursor.fetchall())
            transaction.set_rollback(True)
        for row_id, (row, cell, out, edited) in zip(ids, rows, strict=True):
            known = {"status": None, "group_revision": 0, "error": None, **(cell or {})}
            state = {**known, "output": out, "edited": edited}
            assert found[row_id] is reader.holds(tree, row, state), (row, state)

    check()


SORT = st.lists(
    st.builds(
        lambda name, direction: {"column": name, "direction": direction},
        st.sampled_from(sorted(NAMES.values())),
        st.sampled_from(["asc", "desc"]),
    ),
    max_size=3,
    unique_by=lambda key: key["column"],
)


def test_pages_of_any_order_and_filter_show_every_row_once_and_in_the_same_places() -> None:
    sheet = sheet_with_columns()
    spec = table_spec(sheet.table.pk)

    @cases(60)
    @given(rows=ROWS, sort=SORT, tree=conditions(), size=st.integers(1, 3))
    def check(
        rows: list[tuple[Any, ...]], sort: list[dict[str, str]], tree: dict[str, Any], size: int
    ) -> None:
        where = compile_filter({"not": tree}, spec.columns, NOW)
        listing = Listing(spec, where, compile_sort(sort, spec.columns))
        with transaction.atomic():
            fill(sheet, rows)
            whole = ids_from(listing, 0, 100)
            by_ordinal = [
                each for start in range(0, len(rows), size) for each in ids_from(listing, start, size)
            ]
            by_keyset = ids_after(listing, size)
            transaction.set_rollback(True)
        assert by_keyset == by_ordinal == whole
        assert len(set(whole)) == len(whole)

    check()


def ids_from(listing: Listing, start: int, size: int) -> list[str]:
    return [row["id"] for row in rows_from(listing, limit=size, start=start).rows]


def ids_after(listing: Listing, size: int) -> list[str]:
    found: list[str] = []
    after = None
    while True:
        page = rows_after(listing, limit=size, after=after)
        found += [row["id"] for row in page.rows]
        if (after := page.next) is None:
            return found
