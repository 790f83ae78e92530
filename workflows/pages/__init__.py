"""HTML pages of workflows, their runs and what these ask of people."""
