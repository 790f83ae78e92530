"""The refused rows of an import as a CSV beside the upload: line, reason, then the row as it was (T38)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from tables.engine.formulas import harmless
from tables.models import Job


class Rejects:
    """The file of one job. It is written before the commit that counts it, and cut back to what was counted."""

    def __init__(self, job: Job) -> None:
        self.name: str = job.rejects.name or ""
        self._wanted = job.rejects.field.generate_filename(job, f"{job.pk}.csv")
        self._storage = job.rejects.storage
        self._headers: list[str] = job.options["headers"]

    def append(self, refused: Sequence[tuple[int, str, Sequence[str]]], counted_bytes: int) -> int:
        """Write behind the ``counted_bytes`` that are known to be good; answers how many there are now."""
        if not refused:
            return counted_bytes
        text = io.StringIO()
        writer = csv.writer(text)
        if not counted_bytes:
            writer.writerow(["line", "reason", *self._headers])
        writer.writerows([line, reason, *map(harmless, values)] for line, reason, values in refused)
        if not self.name:
            self.name = self._storage.save(self._wanted, io.BytesIO())
        with self._storage.open(self.name, "r+b") as file:
            file.seek(counted_bytes)
            file.truncate()
            file.write(text.getvalue().encode("utf-8", "replace"))
            return int(file.tell())
