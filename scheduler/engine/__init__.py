"""Decisions of the scheduler: pure functions of plain values. No Django, no Celery, no clock."""
