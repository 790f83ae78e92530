"""Django without services: enough to try every block that keeps its hands off the database."""

import os

import django


def pytest_configure() -> None:
    os.environ.setdefault("RUNSHEET_MODE", "test")
    os.environ.setdefault("SECRET_KEY", "of-the-tests")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("RUNSHEET_BLOCKS", "acme_blocks")  # not needed once the package is installed
    django.setup()
