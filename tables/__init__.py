"""Tables: rows, workflow groups, dispatches, cells, live events."""
