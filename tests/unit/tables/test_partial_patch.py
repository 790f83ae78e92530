"""What finished and unfinished blocks show in a row before the run has ended (T19, W33)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tables.engine.mapping import partial_patch, streamed_columns
from tables.engine.types import Output, TableSpec
from tests.unit.tables.specs import column, group, table

OUTPUTS = (
    Output("blocks.one", "whole"),
    Output("blocks.one.text", "text"),
    Output("blocks.one.size", "size"),
    Output("result.text", "end"),
    Output("blocks.one_more", "gone"),
)
A = replace(group("A"), outputs=OUTPUTS)


def spec() -> TableSpec:
    """Columns of all outputs but the last."""
    found = table(A)
    kept = (column("whole", "json"), column("text"), column("size", "number"), column("end"))
    return replace(found, columns=tuple(replace(each, group_id=A.id) for each in kept))


@pytest.mark.rule("T19")
@pytest.mark.parametrize(
    ("blocks", "patch"),
    [
        ({}, {}),
        ({"two": 1}, {}),
        ({"one_more": 1}, {}),
        ({"one": {"text": "t", "size": 3}}, {"whole": {"text": "t", "size": 3}, "text": "t", "size": 3}),
        ({"one": {"text": "t", "size": "big"}}, {"whole": {"text": "t", "size": "big"}, "text": "t"}),
        ({"one": None}, {"whole": None, "text": None, "size": None}),
    ],
    ids=["nothing", "not_mapped", "deleted", "all", "one_does_not_fit", "empty"],
)
def test_a_finished_block_fills_the_columns_mapped_to_it(
    blocks: dict[str, Any], patch: dict[str, Any]
) -> None:
    assert partial_patch(spec(), A, blocks) == patch


@pytest.mark.rule("W33")
@pytest.mark.parametrize(
    ("block", "columns"), [("one", ["text"]), ("one_more", []), ("each[0]/one", []), ("result", [])], ids=str
)
def test_text_under_way_is_shown_in_text_columns_alone(block: str, columns: list[str]) -> None:
    assert streamed_columns(spec(), A, block) == columns
