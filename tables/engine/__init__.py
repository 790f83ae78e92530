"""Every decision about tables, as pure functions of plain values: no Django, no Celery, no clock."""
