"""Folding the counts of cells (T37): what triggers append is summed up into one row per table, group and status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.db import connection, transaction

FOLD_AT_ONCE: Final = 50_000
"""Changes summed up by one statement."""

# Changes become part of their sums. Guard: each change is taken once, others' are stepped over; sums in the order of
# their keys, so that two folds do not wait for each other crosswise. One statement: every snapshot sees a change either
# by itself or in its sum. Index: tables_cellcount_changes.
_FOLD: Final = """
WITH few AS (
    SELECT id FROM tables_cellcount WHERE NOT is_folded LIMIT %s FOR UPDATE SKIP LOCKED
), taken AS (
    DELETE FROM tables_cellcount c USING few WHERE c.id = few.id
    RETURNING c.table_id, c.group_id, c.status, c.delta
), folded AS (
    INSERT INTO tables_cellcount AS kept (table_id, group_id, status, delta, is_folded)
    SELECT table_id, group_id, status, sum(delta), true FROM taken
     GROUP BY table_id, group_id, status ORDER BY table_id, group_id, status
    ON CONFLICT (table_id, group_id, status) WHERE is_folded
    DO UPDATE SET delta = kept.delta + EXCLUDED.delta
)
SELECT count(*) FROM taken
"""

# Sums that have come to nothing, of deleted tables above all. Guard: a sum that another fold holds is not nothing.
_FORGET: Final = """
DELETE FROM tables_cellcount WHERE id IN (
    SELECT id FROM tables_cellcount WHERE is_folded AND delta = 0 FOR UPDATE SKIP LOCKED)
"""


def counts_fold() -> int:
    """Fold what was appended since the last time; how many changes. Costs one index lookup when there is nothing."""
    folded = _execute(_FOLD, [FOLD_AT_ONCE])
    if folded:
        _execute(_FORGET)
    while folded and folded % FOLD_AT_ONCE == 0 and (more := _execute(_FOLD, [FOLD_AT_ONCE])):
        folded += more
    return folded


def _execute(statement: str, params: Sequence[int] = ()) -> int:
    """One statement in a transaction of its own; how many rows it took."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, params)
        return int(cursor.fetchone()[0] if cursor.description else cursor.rowcount)
