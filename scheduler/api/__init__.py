"""The REST API of the scheduler, with the names and shapes of `api.md`."""
