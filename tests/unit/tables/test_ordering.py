"""Positions of rows: short, ordered by bytes, and always room between two (T4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables.engine.ordering import key_between, keys_after, keys_between

pytestmark = pytest.mark.rule("T4")


def test_the_millionth_appended_key_is_still_short() -> None:
    keys = keys_after(None, 1_000_000)

    assert len(keys[-1]) <= 5
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


def test_prepending_counts_down() -> None:
    keys = keys_between(None, "a0", 10_000)

    assert keys == sorted(keys)
    assert keys[-1] < "a0"
    assert len(keys[0]) <= 4


def test_a_thousand_fit_between_two_neighbours_in_few_characters() -> None:
    keys = keys_between("a0", "a1", 1_000)

    assert "a0" < keys[0] < keys[-1] < "a1"
    assert keys == sorted(set(keys))
    assert max(map(len, keys)) <= 5


def test_inserting_at_one_place_again_and_again_never_runs_out() -> None:
    low, high = "a0", "a1"
    for _ in range(2_000):
        high = key_between(low, high)
        assert low < high


def test_nothing_fits_between_equal_or_swapped_positions() -> None:
    for before, after in (("a0", "a0"), ("a1", "a0")):
        with pytest.raises(ValueError, match="no position lies between"):
            key_between(before, after)


@given(st.lists(st.integers(min_value=0), max_size=200))
def test_any_sequence_of_inserts_keeps_the_order(places: list[int]) -> None:
    keys: list[str] = []
    for place in places:
        at = place % (len(keys) + 1)
        before = keys[at - 1] if at else None
        after = keys[at] if at < len(keys) else None
        keys.insert(at, key_between(before, after))
    assert keys == sorted(set(keys))


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 40))
def test_many_keys_between_any_two_keep_the_order(first: int, second: int, count: int) -> None:
    ladder = keys_between(None, "a0", 150) + keys_after(None, 151)
    low, high = sorted((first, second))
    if low == high:
        return
    keys = keys_between(ladder[low], ladder[high], count)
    assert [ladder[low], *keys, ladder[high]] == sorted({ladder[low], *keys, ladder[high]})
    assert not any(key.endswith("0") and len(key) > 6 for key in keys)
