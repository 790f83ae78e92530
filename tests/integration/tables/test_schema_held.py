"""Rows are written by the schema as it is then: an edit and a schema change never pass each other unseen (T3, T28)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from tables.errors import SchemaChanged
from tables.models import Row
from tables.selectors import table_spec
from tables.services.columns import column_update
from tables.services.editing import rows_edit
from tables.services.row_values import RowValues
from tables.services.rows import row_update
from tables.services.schema_lock import schema_change
from tests.bed.factories import Sheet, sheet_make
from tests.bed.races import Race
from tests.integration.tables.clients import ACTOR
from tests.integration.tables.test_claim_races import somebody_waits_for_a_lock

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.rule("T3")]


def one_value() -> Sheet:
    sheet = sheet_make()
    sheet.column("v")
    sheet.fill([{"v": "1"}])
    return sheet


def edit_read_before(sheet: Sheet, value: Any, **changes: Any) -> None:
    """Values are read, then the column is changed, then they are written."""
    spec = table_spec(sheet.table.pk)
    edits = [(sheet.rows[0], RowValues(spec).of_edit({"v": value}))]
    column_update(table=sheet.table, column_id=sheet.columns["v"].pk, actor=ACTOR, **changes)
    rows_edit(table=sheet.table, edits=edits, actor=ACTOR, spec=spec)


def test_a_value_of_the_old_type_is_not_written_into_the_new_one() -> None:
    sheet = one_value()
    with pytest.raises(SchemaChanged):
        edit_read_before(sheet, "2", type="number")
    assert Row.objects.get().data == {"v": 1}


def test_a_new_name_is_no_reason_to_refuse_a_value() -> None:
    sheet = one_value()
    edit_read_before(sheet, "2", name="Value")
    assert Row.objects.get().data == {"v": "2"}


def test_an_edit_waits_for_a_schema_change_and_reads_what_it_left(
    two_connections: Race, signals: Any
) -> None:
    sheet = one_value()

    def change() -> None:
        with transaction.atomic(), schema_change(sheet.table.pk):
            two_connections.meet()
            signals(somebody_waits_for_a_lock, "the edit to wait")
            sheet.columns["v"].required = True
            sheet.columns["v"].save(update_fields=["required"])

    def edit() -> None:
        two_connections.meet()
        row_update(table=sheet.table, row_id=sheet.rows[0], data={"v": "2"}, actor=ACTOR)

    changed, edited = two_connections(change, edit)
    assert changed.error is None
    assert isinstance(edited.error, SchemaChanged)
    assert Row.objects.get().data == {"v": "1"}
