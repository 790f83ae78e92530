"""All tests. `unit` needs no services, `integration` a real PostgreSQL and Valkey, the rest real processes."""
