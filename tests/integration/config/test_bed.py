"""The test bed itself."""

import pytest
import redis
from django.conf import settings
from django.db import connection

from tests.bed.races import Race


@pytest.mark.django_db
def test_a_database_of_its_own() -> None:
    assert connection.settings_dict["NAME"].startswith("test_runsheet")


def test_a_valkey_that_answers() -> None:
    with redis.Redis.from_url(settings.RUNSHEET_REDIS_URL) as client:
        assert client.ping()


def test_racers_have_connections_of_their_own(two_connections: Race) -> None:
    def backend() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            two_connections.meet()
            return int(cursor.fetchone()[0])

    first, second = two_connections(backend, backend)
    assert first.error is second.error is None
    assert first.value != second.value
