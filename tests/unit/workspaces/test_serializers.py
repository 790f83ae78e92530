"""Unknown fields are refused by name, at every depth."""

import datetime as dt
from typing import Any

from rest_framework import serializers

from config.api_errors import problem_of
from workspaces.api.serializers import StrictSerializer, UtcDateTimeField


class Column(StrictSerializer):
    name = serializers.CharField()


class Table(StrictSerializer):
    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField()
    columns = Column(many=True, required=False)
    at = UtcDateTimeField(required=False)


def errors_of(data: dict[str, Any]) -> dict[str, list[str]] | None:
    serializer = Table(data=data)
    try:
        serializer.is_valid(raise_exception=True)
    except serializers.ValidationError as fault:
        problem = problem_of(fault)
        assert problem is not None
        return problem.errors
    return None


def test_an_unknown_field_is_named_with_what_it_may_have_been() -> None:
    assert errors_of({"name": "a", "nmae": 1}) == {"nmae": ["Unknown field. Did you mean name?"]}


def test_a_read_only_field_counts_as_unknown() -> None:
    assert errors_of({"name": "a", "id": "x"}) == {"id": ["Unknown field."]}


def test_inner_fields_are_named_by_their_path() -> None:
    faults = errors_of({"name": "a", "columns": [{"name": "x"}, {"name": "y", "typ": 1}]})
    assert faults == {"columns.1.typ": ["Unknown field."]}


def test_unknown_and_faulty_fields_are_told_together() -> None:
    assert errors_of({"nmae": 1}) == {
        "nmae": ["Unknown field. Did you mean name?"],
        "name": ["This field is required."],
    }


def test_instants_are_written_in_utc_with_z() -> None:
    zone = dt.timezone(dt.timedelta(hours=2))
    instant = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=zone)
    assert Table({"id": None, "name": "", "columns": [], "at": instant}).data["at"] == "2026-01-02T01:04:05Z"
