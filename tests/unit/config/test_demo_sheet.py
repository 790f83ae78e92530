"""The demo's workflows and tables, before anything runs."""

from importlib.metadata import version
from typing import Any

import pytest

import config.demo.functions  # noqa: F401 - registers what the workflows call
from config.demo import expected, expected_tickets
from config.demo.packages import PACKAGES
from config.demo.sheet import Group, Sheet
from config.demo.tickets import PROVIDER, TICKETS
from config.demo.truth import Truth
from tables.engine.coercion import COLUMN_TYPES
from tables.engine.column_options import check_options
from tables.services.columns import column_key
from workflows.blocks.llm_providers import Provider
from workflows.blocks.registry import block_types
from workflows.engine.expressions import compile_expression
from workflows.engine.references import Names
from workflows.engine.validation import check_definition

SHEETS = (PACKAGES, TICKETS)
by_sheet = pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
by_group = pytest.mark.parametrize(
    ("sheet", "group"),
    [pytest.param(sheet, group, id=group.name) for sheet in SHEETS for group in sheet.groups],
)


@by_group
def test_its_workflow_can_be_published(sheet: Sheet, group: Group, settings: Any) -> None:
    offered = Provider(base_url="http://127.0.0.1:8088/v1", model="local-small")
    settings.RUNSHEET_LLM_PROVIDERS = {PROVIDER: offered}
    checked = check_definition(group.definition, block_types(), Names(secrets=frozenset()))
    assert checked.faults == ()


@by_group
def test_it_reads_only_columns_left_of_its_own(sheet: Sheet, group: Group) -> None:
    before = {column.key for column in sheet.typed}
    for earlier in sheet.groups[: sheet.groups.index(group)]:
        before |= {column.key for column in earlier.outputs}
    assert set(group.depends_on) | set(group.inputs.values()) <= before
    if group.condition:
        assert {path[1] for path in compile_expression(group.condition).references} <= before


PACKAGE = {
    "package": "rich", "version": version("rich"), "licence": "permissive", "metadata": "old", "native_code": True,
    "size_kb": 2000, "dependencies": 1, "modules_loaded": 1, "files": 3,
}  # fmt: skip
TICKET = dict(zip((column.key for column in TICKETS.typed), TICKETS.records()[0], strict=True))


@pytest.mark.parametrize(
    ("sheet", "truth", "row"),
    [(PACKAGES, expected.TRUTH, PACKAGE), (TICKETS, expected_tickets.TRUTH, TICKET)],
    ids=["packages", "tickets"],
)
def test_what_is_expected_covers_exactly_the_columns(sheet: Sheet, truth: Truth, row: dict[str, Any]) -> None:
    for group in sheet.groups:
        assert set(truth.values[group.name](row)) == {column.key for column in group.outputs}


@by_sheet
def test_columns_get_the_keys_that_workflows_and_checks_call_them_by(sheet: Sheet) -> None:
    taken: set[str] = set()
    for column in sheet.columns:
        assert column_key(column.name, taken) == column.key
        assert column.type in COLUMN_TYPES
        check_options(column.type, dict(column.options))
        taken.add(column.key)


def test_every_ticket_has_been_read_by_a_person_and_two_of_them_ask() -> None:
    records = [
        dict(zip((column.key for column in TICKETS.typed), each, strict=True)) for each in TICKETS.records()
    ]
    assert [record["ticket"] for record in records if expected_tickets.gone(record)] == []
    assert sum(expected_tickets.waiting(record) is not None for record in records) == 2
