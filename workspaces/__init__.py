"""Tenancy: workspaces, their members, tokens, secrets and audit log. Every other app stands on this."""
