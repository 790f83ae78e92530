"""How a block gets at a table: found in its workspace, for a bounded time, refusals as failures of the block (S9).

Both blocks have the effect ``database`` (W15): they run inside the commit of their step, which holds the run, and the
cell and the window it belongs to. So time is short, and locks are taken against their order: the table after them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Annotated, Final
from uuid import UUID

from django.db import OperationalError, connection
from psycopg.errors import QueryCanceled
from pydantic import StringConstraints

from tables.errors import TableNotFound
from tables.models import Table
from tables.selectors import tables_of
from workflows.blocks.base import BlockContext, BlockFailed
from workflows.engine.types import ErrorClass
from workspaces.errors import RunsheetError

SECONDS: Final = 5.0
"""What a block may take unless it says otherwise. Whoever stops its cell waits as long."""

GIVES_WAY_AFTER_MS: Final = 500
"""How long a lock is waited for. PostgreSQL looks for a deadlock after a second of waiting, and fails whoever looks:
giving way earlier, it is always this commit that is repeated, and never somebody's Stop that fails."""

FAULTS_SHOWN: Final = 20

TableName = Annotated[str, StringConstraints(min_length=1, max_length=200)]


@contextmanager
def database_time(context: BlockContext) -> Iterator[None]:
    """Bound what the block does in the database, to the end of the commit, and say of refusals what they are.

    A lock that cannot be had in time is an ``OperationalError``, after which the executor repeats the whole commit.
    """
    remaining = context.remaining_seconds()
    most = max(1, round(1000 * (SECONDS if remaining is None else remaining)))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true)",
            [str(most), str(GIVES_WAY_AFTER_MS)],
        )
    try:
        yield
    except RunsheetError as fault:
        errors = dict(islice((fault.errors or {}).items(), FAULTS_SHOWN))
        raise BlockFailed.because(
            ErrorClass.VALIDATION,
            fault.code,
            fault.detail[:2000],
            detail={"errors": errors} if errors else None,
        ) from None
    except OperationalError as fault:
        if not isinstance(fault.__cause__, QueryCanceled):
            raise
        message = f"The database took longer than the {most / 1000:g} s this block had."
        raise BlockFailed.because(ErrorClass.TIMEOUT, "timeout", message) from None


def table_named(workspace_id: UUID, reference: str) -> Table:
    """The living table of the workspace with this id or name. Raises ``TableNotFound``, for a foreign one too."""
    tables = tables_of(workspace_id)
    try:
        found = tables.filter(pk=UUID(reference)).first()
    except ValueError:
        found = None
    found = found or tables.filter(name=reference).first()
    if found is None:
        raise TableNotFound(f"There is no table “{reference}” in this workspace.")
    return found
