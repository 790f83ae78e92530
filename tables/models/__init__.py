"""Stored facts of tables: what a table is (schema), what it holds (rows), what ran (executions, dispatches)."""

from tables.models.counts import CellCount
from tables.models.dispatches import Dispatch, Window
from tables.models.executions import RowExecution
from tables.models.jobs import Job, JobRows
from tables.models.rows import Row
from tables.models.schema import Column, Table, View, WorkflowGroup

__all__ = [
    "CellCount",
    "Column",
    "Dispatch",
    "Job",
    "JobRows",
    "Row",
    "RowExecution",
    "Table",
    "View",
    "Window",
    "WorkflowGroup",
]
