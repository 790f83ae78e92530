"""Which given rows are new, which are written over, and what is refused (W15)."""

from __future__ import annotations

from uuid import UUID

import pytest

from tables.engine.upserting import UpsertMode, check_keys, plan_upsert
from tables.errors import ValueInvalid

A, B = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("mode", "inserts", "updates", "kept"),
    [
        (UpsertMode.UPSERT, (0, 2), {1: A}, {}),
        (UpsertMode.UPDATE, (), {1: A}, {}),
        (UpsertMode.INSERT, (0, 2), {}, {1: A}),
    ],
)
def test_each_mode_does_what_its_name_says(
    mode: UpsertMode, inserts: tuple[int, ...], updates: dict[int, UUID], kept: dict[int, UUID]
) -> None:
    plan = plan_upsert(3, {1: [A]}, mode, "Domain")
    assert (plan.inserts, plan.updates, plan.kept) == (inserts, updates, kept)


@pytest.mark.parametrize("mode", [UpsertMode.UPSERT, UpsertMode.UPDATE])
def test_a_row_that_could_be_one_of_several_is_not_written_over(mode: UpsertMode) -> None:
    with pytest.raises(ValueInvalid) as refused:
        plan_upsert(2, {1: [A, B]}, mode, "Domain")
    assert refused.value.errors == {"rows[1].Domain": ["2 rows of the table have this key."]}


def test_an_insert_does_not_mind_how_many_there_are() -> None:
    assert plan_upsert(1, {0: [A, B]}, UpsertMode.INSERT, "Domain").kept == {0: A}


def test_every_row_needs_a_key_and_its_own() -> None:
    check_keys(['"a"', '"b"'], "Domain")
    with pytest.raises(ValueInvalid) as refused:
        check_keys(['"a"', None, '"a"'], "Domain")
    assert refused.value.errors == {
        "rows[1].Domain": ["The row has no value here, and this is its key."],
        "rows[2].Domain": ["rows[0] has the same key."],
    }
