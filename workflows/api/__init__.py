"""REST of workflows and runs."""
