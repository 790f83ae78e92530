"""The rows of a job as they were when it was accepted, for selections whose rows follow values (T3, T5).

Their ids are written down by one statement, in pieces, and read piece by piece: a million of them never pass through a
process, take 16 MB of the database while the job runs, and are gone with its end.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db import connection

from tables.engine.conditions import Clause
from tables.models import JobRows
from tables.states import ACTIVE_JOB

PIECE_ROWS: Final = 1_000

# Write down which rows are chosen, in the table's order. The job may be stored after it, in the same transaction: its
# foreign key is checked at the commit.
_FREEZE: Final = """
INSERT INTO tables_jobrows (job_id, number, row_ids)
SELECT %s::uuid, (p.place - 1) / %s, array_agg(p.id ORDER BY p.place)
  FROM (SELECT r.id, row_number() OVER (ORDER BY r.position, r.id) AS place
          FROM tables_row r WHERE r.table_id = %s::uuid AND {where}) p
 GROUP BY (p.place - 1) / %s
RETURNING cardinality(row_ids)
"""

# Some of a piece. Index: tables_jobrows_once.
_READ: Final = "SELECT row_ids[%s:%s] FROM tables_jobrows WHERE job_id = %s AND number = %s"


def rows_freeze(job_id: UUID, table_id: UUID, where: Clause) -> int:
    """Write down the table's rows that meet a condition over ``tables_row r``; how many there are."""
    with connection.cursor() as cursor:
        cursor.execute(
            _FREEZE.format(where=where.sql), [job_id, PIECE_ROWS, table_id, *where.params, PIECE_ROWS]
        )
        return sum(found[0] for found in cursor.fetchall())


def rows_frozen(job_id: UUID, done: int, most: int) -> list[UUID]:
    """The next ones, at most so many, behind the first ``done``; none at the end."""
    number, first = divmod(done, PIECE_ROWS)
    with connection.cursor() as cursor:
        cursor.execute(_READ, [first + 1, first + most, job_id, number])
        found = cursor.fetchone()
    return list(found[0]) if found else []


def frozen_forget(job_id: UUID) -> None:
    """Let go of a job's rows, in the transaction that ends it."""
    JobRows.objects.filter(job_id=job_id).delete()


def frozen_forget_ended() -> int:
    """The same for jobs that others ended: cancelled ones, and those whose worker was lost for good."""
    return JobRows.objects.exclude(job__status__in=ACTIVE_JOB).delete()[0]
