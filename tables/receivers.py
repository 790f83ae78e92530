"""What follows from a deletion without being asked for, and from a heartbeat."""

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from tables import events, lease
from tables.models import Job
from tables.services.stopping import run_of_cell_stop
from workflows.services.instances import on_heartbeat
from workflows.services.runs import on_owner_stop

on_heartbeat(lease.renew_all)  # a row lock lives as long as its holder (T15)
on_owner_stop("cell", run_of_cell_stop)  # a cell and its run end together (T24)
on_heartbeat(events.resync_missed)  # what a failing Redis left unsaid (T33)


@receiver(post_delete, sender=Job, dispatch_uid="tables.job_files_delete")
def job_files_delete(sender: type[Job], instance: Job, **kwargs: Any) -> None:
    """A job's upload and rejects go with it, once the deletion is certain."""
    for file in (instance.upload, instance.rejects):
        if file.name:
            transaction.on_commit(partial(file.storage.delete, file.name), robust=True)
