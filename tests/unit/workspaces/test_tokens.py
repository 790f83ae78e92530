"""Keys are long, readable by their prefix, and recognised by hash only."""

import pytest

from workspaces.tokens import TOKEN_PREFIX, key_hash, key_make


def test_a_key_has_256_random_bits_behind_its_prefix() -> None:
    key = key_make(TOKEN_PREFIX)
    assert key.plaintext.startswith("rs_")
    assert len(key.plaintext) == len("rs_") + 43
    assert key_make(TOKEN_PREFIX).plaintext != key.plaintext


def test_what_is_shown_is_a_small_part_of_it() -> None:
    key = key_make(TOKEN_PREFIX)
    assert key.plaintext.startswith(key.shown)
    assert len(key.shown) == 9


@pytest.mark.parametrize("plaintext", ["", "rs_x", "snowman ☃", "half a pair \udcff"])
def test_any_text_can_be_hashed(plaintext: str) -> None:
    assert len(key_hash(plaintext)) == 64
