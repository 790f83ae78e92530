"""An import whose worker is killed half way goes on behind its last batch (F26); a cancel is exact (F25)."""

from __future__ import annotations

import csv
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from tables.models import Job, Row, Table
from tables.services.import_files import Reading
from tables.services.imports import import_start
from tables.services.jobs import job_cancel
from tables.states import JobStatus
from tests.bed.factories import sheet_make
from workspaces.actors import Actor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.rule("T38")]

ROWS = 150_000
BAD = 1_000
"""Every so many rows, one that is refused."""


@pytest.fixture
def importing(start_stack: Any, settings: Any) -> Any:
    """``importing()``: a stack that imports a file by a real worker, and the job."""

    def start() -> tuple[Any, Job]:
        stack = start_stack("worker", "control", "beat")
        settings.MEDIA_ROOT = stack.var / "uploads"  # where its processes look for files
        sheet = sheet_make()
        sheet.column("name")
        sheet.column("n", type="number")
        lines = (f"n{n},{'x' if n % BAD == 0 else n}\n" for n in range(ROWS))
        upload = SimpleUploadedFile("people.csv", ("name,n\n" + "".join(lines)).encode())
        job = import_start(table=sheet.table, upload=upload, reading=Reading(), actor=Actor.system("chaos"))
        return stack, job

    return start


def at_least(job: Job, rows: int) -> Any:
    """A condition: so many rows are committed."""

    def look() -> bool:
        job.refresh_from_db()
        return bool(job.progress["rows_done"] >= rows)

    return look


def kept(job: Job) -> list[str]:
    """The names in the table's order."""
    rows = Row.objects.filter(table_id=job.table_id).order_by("position", "id")
    return list(rows.values_list("data__name", flat=True))


@pytest.mark.rule("F26")
def test_an_import_whose_worker_is_killed_half_way_goes_on_behind_the_last_batch(
    importing: Any, signals: Any
) -> None:
    stack, job = importing()
    signals(at_least(job, ROWS // 2), "half of the rows", timeout=120)

    stack.kill("worker")

    assert job.progress["rows_done"] < ROWS * 0.95
    signals(
        lambda: Job.objects.filter(pk=job.pk, status=JobStatus.COMPLETED).exists(),
        "the import to end",
        timeout=180,
    )
    job.refresh_from_db()
    assert job.progress["recoveries"] == 1
    assert kept(job) == [f"n{n}" for n in range(ROWS) if n % BAD]
    assert Table.objects.get(pk=job.table_id).row_count == job.progress["rows_done"] == ROWS - ROWS // BAD
    with job.rejects.open("r") as file:
        assert [int(line) - 2 for line, *_ in list(csv.reader(file))[1:]] == list(range(0, ROWS, BAD))


@pytest.mark.rule("F25")
def test_a_cancelled_import_keeps_whole_batches_and_says_how_many(importing: Any, signals: Any) -> None:
    _stack, job = importing()
    signals(at_least(job, 10_000), "the first batches", timeout=120)

    cancelled = job_cancel(job=job, actor=Actor.system("chaos"))

    told = cancelled.progress["rows_done"]
    assert f"{told:,} rows were kept" in cancelled.error["message"]
    with (
        connection.cursor() as cursor
    ):  # a batch that was under way has ended when its table's row is free again
        cursor.execute("SELECT row_count FROM tables_table WHERE id = %s FOR UPDATE", [job.table_id])
        assert cursor.fetchone() == (told,)
    assert kept(job) == [f"n{n}" for n in range(ROWS) if n % BAD][:told]
