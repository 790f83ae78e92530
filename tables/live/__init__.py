"""The reading end of live events: one reader per table and web process, and what sockets get (T33-T35)."""
