"""The `client` and `stranger` fixtures. Django is imported inside: pytest reads this before the settings stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.tables.clients import TableClient


@pytest.fixture
def client(db: None) -> TableClient:
    """An admin's client in a workspace of its own."""
    from tests.integration.tables.clients import client_make

    return client_make("acme")


@pytest.fixture
def stranger(db: None) -> TableClient:
    """The same for somebody else's workspace."""
    from tests.integration.tables.clients import client_make

    return client_make("elsewhere")
