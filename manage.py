#!/usr/bin/env python3
"""The command line of Runsheet: `manage.py help` lists what it can do."""

import os
import sys

NO_SERVICES = (
    "There is no database to speak to. Either start everything with `manage.py dev` (this command then finds it), "
    "or set DATABASE_URL and REDIS_URL."
)


def main() -> None:
    """Run one command; troubles of the environment are told in plain words, without a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.conf import settings
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
        from django.db import OperationalError
    except ImportError as error:
        sys.exit(
            f"{error}. Install what Runsheet needs first: `make install`, then `.venv/bin/python manage.py`."
        )
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except OperationalError:
        if settings.RUNSHEET_HAS_SERVICES:
            raise
        sys.exit(NO_SERVICES)


if __name__ == "__main__":
    main()
