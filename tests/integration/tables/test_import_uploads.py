"""The files of imports: kept as long as they are needed, and no longer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db.models import F

from tables.models import Job
from tables.services.jobs import UPLOADS_KEPT, uploads_forget
from tests.integration.tables.test_imports import imported, rejects

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("worker"),
    pytest.mark.rule("T38"),
]


def test_the_file_of_an_import_that_has_ended_is_deleted_after_a_while(client: Any, inbox: Any) -> None:
    told = imported(client, inbox, client.table({"name": "n", "type": "number"}), "n\n1\nx\n")
    file = Path(Job.objects.get(pk=told["id"]).upload.path)
    assert (uploads_forget(), file.exists()) == (0, True)
    Job.objects.update(finished_at=F("finished_at") - UPLOADS_KEPT)
    assert (uploads_forget(), file.exists()) == (1, False)
    assert uploads_forget() == 0
    assert len(rejects(client, told)) == 2
