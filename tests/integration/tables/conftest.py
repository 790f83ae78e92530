"""Fixtures for tests of running: Celery's messages, the worker and its blocks in the test's own hand."""

from __future__ import annotations

from tests.bed.running import inbox, kill_at_commit, probe, worker
from tests.integration.tables.members import client, stranger

__all__ = ["client", "inbox", "kill_at_commit", "probe", "stranger", "worker"]
