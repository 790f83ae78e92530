"""What the ledger must hold whoever writes it: allowed moves (W12), immutable versions (W2), cascades."""

from django.db import migrations

from workflows.models.sql import LEDGER_CASCADES, REFUSE, VERSIONS_IMMUTABLE, run_moves_guard

BACKWARD = """
ALTER TABLE workflows_attempt DROP CONSTRAINT workflows_attempt_of_run;
ALTER TABLE workflows_step DROP CONSTRAINT workflows_step_of_run;
DROP TRIGGER workflows_version_immutable ON workflows_workflowversion;
DROP TRIGGER workflows_run_moves ON workflows_run;
DROP FUNCTION workflows_refuse();
"""


class Migration(migrations.Migration):
    """Adds triggers and foreign keys that Django's schema language cannot say."""

    dependencies = [("workflows", "0001_initial")]
    operations = [
        migrations.RunSQL(REFUSE + run_moves_guard() + VERSIONS_IMMUTABLE + LEDGER_CASCADES, BACKWARD)
    ]
