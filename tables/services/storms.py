"""A run that stops itself because its cells fail one after the other, and goes on when a person says so.

It ends ``failed`` with the code `failure_storm` once what it has handed over is done; its cursor stays where it is.
"""

from __future__ import annotations

from functools import partial
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.backends.utils import CursorWrapper

from tables.engine.storms import failing_after, storm
from tables.enqueue import advance_send
from tables.errors import DispatchNotHeld
from tables.models import Dispatch, WorkflowGroup, walking_sql
from tables.services.accounting import Account
from tables.services.progress import dispatch_announce
from tables.states import DispatchStatus
from workflows.services.jsonb import to_json

CODE: Final = "failure_storm"


def storm_note(cursor: CursorWrapper, dispatch: Dispatch, account: Account) -> None:
    """Take in what a closed window came to; in a storm the dispatch, locked by the caller, opens no more windows."""
    failed = {str(group): count for group, count in account.failed.items()}
    dispatch.failing = failing_after(dispatch.failing, failed, {str(group) for group in account.completed})
    group = storm(dispatch.failing, settings.RUNSHEET_STORM_FAILURES)
    if group is None or dispatch.error or dispatch.exhausted:
        return
    name = WorkflowGroup.objects.filter(id=group).values_list("name", flat=True).first()
    cells = dispatch.failing[group]
    told = f"{cells:,} cells of “{name or group}” failed one after the other, so the run stopped itself."
    dispatch.error = {"code": CODE, "message": told, "group": group, "cells": cells}
    cursor.execute(walking_sql.HOLD_DISPATCH, [to_json(dispatch.error), dispatch.id])
    transaction.on_commit(partial(dispatch_announce, dispatch.id, force=True))


def dispatch_go_on(dispatch: Dispatch) -> Dispatch:
    """Let a run that stopped itself go on where it stood. Raises ``DispatchNotHeld`` for any other."""
    held = Dispatch.objects.filter(id=dispatch.id, status=DispatchStatus.FAILED, error__code=CODE)
    with transaction.atomic():
        going = held.update(status=DispatchStatus.DISPATCHING, error=None, failing={}, finished_at=None)
        if not going:
            raise DispatchNotHeld
        transaction.on_commit(partial(_wake, dispatch.id))
    dispatch.refresh_from_db()
    return dispatch


def _wake(dispatch_id: UUID) -> None:
    advance_send(dispatch_id)
    dispatch_announce(dispatch_id, force=True)
