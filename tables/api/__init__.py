"""The REST API of tables, with the names and shapes of `api.md`."""
