"""Who shows the deploy secret, to the letter."""

from __future__ import annotations

import pytest
from django.test import override_settings

from scheduler.api.deploy_secret import is_deploy_secret


@override_settings(RUNSHEET_DEPLOY_SECRET="s3cret-Ä")
@pytest.mark.parametrize(
    ("shown", "is_it"),
    [
        ("s3cret-Ä".encode().decode("latin-1"), True),
        ("s3cret-", False),
        ("S3CRET-Ä", False),
        ("", False),
        ("\u20ac" * 40, False),
    ],
)
def test_the_bytes_are_compared(shown: str, *, is_it: bool) -> None:
    assert is_deploy_secret(shown) is is_it


@override_settings(RUNSHEET_DEPLOY_SECRET="")
def test_without_a_secret_nothing_is_it() -> None:
    assert not is_deploy_secret("")
