"""The database itself refuses to change the audit log, whoever asks (trust.md, security 19)."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION workspaces_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON workspaces_auditevent
    FOR EACH ROW EXECUTE FUNCTION workspaces_audit_append_only();
"""
BACKWARD = """
DROP TRIGGER audit_append_only ON workspaces_auditevent;
DROP FUNCTION workspaces_audit_append_only();
"""


class Migration(migrations.Migration):
    """Adds the trigger."""

    dependencies = [("workspaces", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
