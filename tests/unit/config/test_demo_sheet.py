"""The demo's workflows and table, before anything runs."""

from importlib.metadata import version

import pytest

import config.demo.functions  # noqa: F401 - registers what the workflows call
from config.demo.expected import EXPECTED
from config.demo.sheet import GROUPS, TYPED, Group
from tables.engine.coercion import COLUMN_TYPES, check_options
from tables.services.columns import column_key
from workflows.blocks.registry import block_types
from workflows.engine.expressions import compile_expression
from workflows.engine.references import Names
from workflows.engine.validation import check_definition

by_name = pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)


@by_name
def test_its_workflow_can_be_published(group: Group) -> None:
    checked = check_definition(group.definition, block_types(), Names(secrets=frozenset()))
    assert checked.faults == ()


@by_name
def test_it_reads_only_columns_left_of_its_own(group: Group) -> None:
    before = {column.key for column in TYPED}
    for earlier in GROUPS[: GROUPS.index(group)]:
        before |= {column.key for column in earlier.outputs}
    assert set(group.depends_on) | set(group.inputs.values()) <= before
    if group.condition:
        assert {path[1] for path in compile_expression(group.condition).references} <= before


@by_name
def test_what_is_expected_of_it_covers_exactly_its_columns(group: Group) -> None:
    row = {
        "package": "rich", "version": version("rich"), "licence": "permissive", "metadata": "old", "native_code": True,
        "size_kb": 2000, "dependencies": 1, "modules_loaded": 1, "files": 3,
    }  # fmt: skip
    assert set(EXPECTED[group.name](row)) == {column.key for column in group.outputs}


def test_columns_get_the_keys_that_workflows_and_checks_call_them_by() -> None:
    taken: set[str] = set()
    for column in (*TYPED, *(output for group in GROUPS for output in group.outputs)):
        assert column_key(column.name, taken) == column.key
        assert column.type in COLUMN_TYPES
        check_options(column.type, dict(column.options))
        taken.add(column.key)
