"""Schema and fixed beat entries."""
