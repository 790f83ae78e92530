"""Starts the services before Django's settings are read, and offers the fixtures of `tests/bed`."""

import os
from typing import Any

import django
import pytest

from tests.bed.browser import browser_type_launch_args, skip_without_chromium
from tests.bed.emptying import empty_quickly
from tests.bed.processes import kept_stack, stack, start_stack
from tests.bed.races import two_connections
from tests.bed.services import TestServices, only_unit_tests, spawns_workers
from tests.bed.signals import signals

__all__ = ["browser_type_launch_args", "kept_stack", "signals", "stack", "start_stack", "two_connections"]

services_key = pytest.StashKey[TestServices]()


def pytest_configure(config: pytest.Config) -> None:
    """Services first, then Django; pytest-django finds it configured."""
    os.environ["RUNSHEET_MODE"] = "test"
    os.environ["SECRET_KEY"] = "of-the-tests"
    if not only_unit_tests(config):
        services = TestServices(config)
        config.stash[services_key] = services
        services.start()
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    if spawns_workers(config):
        # A worker that inherited this would read the settings before it has its own Valkey.
        del os.environ["DJANGO_SETTINGS_MODULE"]
        os.environ.setdefault(
            "PYTHONHASHSEED", "0"
        )  # workers must agree on the names of parameters that are sets


def pytest_unconfigure(config: pytest.Config) -> None:
    """Nothing is left behind."""
    if services_key in config.stash:
        config.stash[services_key].stop()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes may hold a time of day (gzip's do), and xdist needs the same names in every worker."""
    return argname if isinstance(val, bytes) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests need a browser."""
    skip_without_chromium(items)


@pytest.fixture(scope="session")
def services(request: pytest.FixtureRequest) -> TestServices:
    """The running services, for tests that kill them."""
    return request.config.stash[services_key]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The database of this run, and how it is emptied between tests."""
    with django_db_blocker.unblock():
        empty_quickly()
