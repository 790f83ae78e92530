"""Every decision of a workflow as a pure function of plain values: no Django, no database, no clock."""
