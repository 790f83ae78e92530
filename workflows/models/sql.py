"""The database's own checks of the ledger, as SQL made from the one table of moves (W12, W2).

Migrations call these functions. When ``states.RUN_TRANSITIONS`` changes, a new migration calls
``run_moves_guard`` again; the tests compare the database with the table, move by move.
"""

from __future__ import annotations

from typing import Final

from workflows.states import RUN_TRANSITIONS

REFUSE: Final = """
CREATE OR REPLACE FUNCTION workflows_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', format(TG_ARGV[0], to_jsonb(OLD) ->> TG_ARGV[1], to_jsonb(NEW) ->> TG_ARGV[1])
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
END $$;
"""
"""Raises with a sentence; its arguments are the sentence, and the column whose old and new value fill it."""

VERSIONS_IMMUTABLE: Final = """
CREATE TRIGGER workflows_version_immutable
    BEFORE UPDATE OF id, workflow_id, number, content_hash, definition ON workflows_workflowversion
    FOR EACH ROW WHEN ((OLD.id, OLD.workflow_id, OLD.number, OLD.content_hash, OLD.definition)
        IS DISTINCT FROM (NEW.id, NEW.workflow_id, NEW.number, NEW.content_hash, NEW.definition))
    EXECUTE FUNCTION workflows_refuse('version %s is immutable; make a new one', 'number');
"""
"""A version's definition, hash and number never change; its note may."""

LEDGER_CASCADES: Final = """
ALTER TABLE workflows_step ADD CONSTRAINT workflows_step_of_run
    FOREIGN KEY (run_id) REFERENCES workflows_run (id) ON DELETE CASCADE;
ALTER TABLE workflows_attempt ADD CONSTRAINT workflows_attempt_of_run
    FOREIGN KEY (run_id) REFERENCES workflows_run (id) ON DELETE CASCADE;
"""
"""A run takes its steps and attempts with it, in the database: millions of them never pass through Python."""

PAUSE_CASCADES: Final = """
ALTER TABLE workflows_pausepoint ADD CONSTRAINT workflows_pause_of_run
    FOREIGN KEY (run_id) REFERENCES workflows_run (id) ON DELETE CASCADE;
"""
"""And its pause points."""


def run_moves_guard() -> str:
    """SQL of the trigger that refuses every change of a run's status that is not in ``RUN_TRANSITIONS``.

    The check stands in the trigger's ``WHEN``: an allowed move calls no function.
    """
    moves = sorted(f"'{move}'" for move in _moves())
    return f"""
DROP TRIGGER IF EXISTS workflows_run_moves ON workflows_run;
CREATE TRIGGER workflows_run_moves BEFORE UPDATE OF status ON workflows_run
    FOR EACH ROW WHEN (OLD.status <> NEW.status
        AND OLD.status || '>' || NEW.status <> ALL (ARRAY[{", ".join(moves)}]))
    EXECUTE FUNCTION workflows_refuse('a run cannot move from %s to %s', 'status');
"""


def _moves() -> list[str]:
    return [f"{source}>{target}" for source, targets in RUN_TRANSITIONS.items() for target in targets]
