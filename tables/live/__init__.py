"""What is special about watching a table: who may, and how its many events become few (T34, T35)."""
