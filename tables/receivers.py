"""What follows from a deletion without being asked for, and from a heartbeat."""

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from tables import events, lease
from tables.models import Job
from tables.selectors import groups_using, runs_of_dispatch, runs_of_table, runs_shown, uses_by_groups
from tables.services.going_on import cell_resume, cells_wake
from tables.services.revisions import groups_outdate
from tables.services.stopping import run_of_cell_stop
from workflows.run_filters import on_run_filter
from workflows.services.instances import on_heartbeat
from workflows.services.owners import on_owner_resume, on_owner_stop, on_owner_wake
from workflows.services.refs import guard_refs, on_ref_moved
from workflows.services.retention import on_run_kept
from workflows.services.uses import tell_uses

on_heartbeat(lease.renew_all)  # a row lock lives as long as its holder (T15)
on_owner_stop("cell", run_of_cell_stop)  # a cell and its run end together (T24)
on_owner_wake("cell", cells_wake)  # a parked cell goes on under its row's lock (T32)
on_owner_resume("cell", cell_resume)  # and so does a failed one whose run is resumed (W23)
guard_refs(groups_using)  # a workflow that groups run is not taken away under them (T5)
tell_uses(uses_by_groups)
on_run_filter("table", runs_of_table)
on_run_filter("dispatch", runs_of_dispatch)
on_run_kept("cell", runs_shown)  # what a cell shows is not forgotten (W31)
on_ref_moved(groups_outdate)  # what an earlier version filled shows as outdated (T29)
on_heartbeat(events.resync_missed)  # what a failing Redis left unsaid (T33)


@receiver(post_delete, sender=Job, dispatch_uid="tables.job_files_delete")
def job_files_delete(sender: type[Job], instance: Job, **kwargs: Any) -> None:
    """A job's upload and rejects go with it, once the deletion is certain."""
    for file in (instance.upload, instance.rejects):
        if file.name:
            transaction.on_commit(partial(file.storage.delete, file.name), robust=True)
