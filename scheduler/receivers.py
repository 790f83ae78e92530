"""What follows in the scheduler from what happens in the apps below it, in the same transaction."""

from typing import Any

from django.db.models.signals import post_delete, post_save, pre_delete
from django.dispatch import receiver

from scheduler.services import following, verifying
from scheduler.services.ending import OWNER, dispatch_told, run_reopened, runs_ended
from tables.services.dispatch_ends import on_dispatch_ended
from tables.services.schema import on_table_archived
from workflows.services.owners import on_owner_ended, on_owner_requeue
from workflows.services.refs import RefFollower, follow_refs, on_workflow_archived
from workspaces.models import Membership, User

on_owner_ended(OWNER, runs_ended)  # an invocation ends with the run it started (W13a)
on_owner_requeue(OWNER, run_reopened)  # and is not two runs at once (W22)
on_dispatch_ended(dispatch_told)  # or with the dispatch
on_table_archived(following.table_archived)
on_workflow_archived(following.workflow_archived)
verifying.register()  # I7
follow_refs(RefFollower(following.ref_counts, following.ref_deleted))  # a ref takes its triggers with it (W2)


@receiver(pre_delete, sender=User, dispatch_uid="scheduler.person_deleted")
def person_deleted(sender: type[User], instance: User, **kwargs: Any) -> None:
    """Before the reference is cleared, while it still says whose triggers they are."""
    following.person_left(instance.pk)


@receiver(post_save, sender=User, dispatch_uid="scheduler.person_saved")
def person_saved(sender: type[User], instance: User, **kwargs: Any) -> None:
    """A closed account runs nothing. Sign-ins save people too, so only these are looked at."""
    if not instance.is_active:
        following.person_left(instance.pk)


@receiver(post_delete, sender=Membership, dispatch_uid="scheduler.member_left")
def member_left(sender: type[Membership], instance: Membership, **kwargs: Any) -> None:
    """Whoever leaves a workspace runs nothing there."""
    following.person_left(instance.user_id, instance.workspace_id)
