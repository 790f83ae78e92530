"""Encryption with a key ring, and redaction."""

import pytest
from cryptography.fernet import Fernet
from pytest_django.fixtures import Settings

from workspaces.errors import SecretUnreadable
from workspaces.secrets import decrypt, encrypt, rotate, secrets_redact

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.mark.rule("S5")
def test_ciphertext_hides_the_value_and_comes_back_whole(settings: Settings) -> None:
    settings.RUNSHEET_SECRET_KEYS = [OLD]
    ciphertext = encrypt("pass ☃ word")
    assert "pass" not in ciphertext
    assert decrypt(ciphertext) == "pass ☃ word"


@pytest.mark.rule("S5")
def test_rotation_moves_a_secret_to_the_first_key(settings: Settings) -> None:
    settings.RUNSHEET_SECRET_KEYS = [OLD]
    ciphertext = encrypt("value")
    settings.RUNSHEET_SECRET_KEYS = [NEW, OLD]
    rotated = rotate(ciphertext)
    settings.RUNSHEET_SECRET_KEYS = [NEW]
    assert decrypt(rotated) == "value"
    with pytest.raises(SecretUnreadable):
        decrypt(ciphertext)


@pytest.mark.rule("S6")
def test_redaction_reaches_keys_lists_and_the_middle_of_texts() -> None:
    value = {"Bearer hunter22": ["x hunter22 y", 5, None, {"in": ("hunter22",)}]}
    assert secrets_redact(value, ["hunter22"]) == {"Bearer ***": ["x *** y", 5, None, {"in": ("***",)}]}


@pytest.mark.rule("S6")
@pytest.mark.parametrize(
    "echo", ['he said \\"hi\\" / ok', "he%20said%20%22hi%22%20%2F%20ok", "aGUgc2FpZCAiaGkiIC8gb2s="]
)
def test_redaction_knows_how_providers_spell_a_secret(echo: str) -> None:
    assert secrets_redact(f"<{echo}>", ['he said "hi" / ok']) == "<***>"


@pytest.mark.rule("S6")
def test_a_secret_inside_a_longer_one_leaves_no_rest() -> None:
    assert secrets_redact("abcdefgh abcd", ["abcd", "abcdefgh"]) == "*** ***"


def test_very_short_secrets_do_not_destroy_results() -> None:
    assert secrets_redact({"n": "101"}, ["1", ""]) == {"n": "101"}
