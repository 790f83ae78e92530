"""Facts that scheduling can meet. The docstring is the message a person reads by default."""

from __future__ import annotations

from workspaces.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    RunsheetError,
    Unavailable,
    Unprocessable,
)


def words(fault: RunsheetError, *, places: bool = True) -> str:
    """What a refusal says, on one line: what is wrong with each field – named, unless ``places`` is false – or as a
    whole.
    """
    found = (fault.errors or {}).items()
    told = [f"{place}: {' '.join(each)}" if places else " ".join(each) for place, each in found]
    return " ".join(told) or fault.detail


class SchedulerError(RunsheetError):
    """Something about schedules."""


class InvalidSchedule(SchedulerError, Invalid):
    """This schedule cannot be used."""

    code = "invalid_schedule"


class TriggerNotFound(SchedulerError, NotFound):
    """There is no such trigger."""

    code = "trigger_not_found"


class InvocationNotFound(SchedulerError, NotFound):
    """There is no such invocation."""

    code = "invocation_not_found"


class TriggerInvalid(SchedulerError, Invalid):
    """The trigger is not valid. Correct the fields named."""

    code = "trigger_invalid"


class NoFields(SchedulerError, Invalid):
    """Name at least one field to change."""

    code = "no_fields"


class InvalidRef(SchedulerError, Invalid):
    """The workflow has no such ref. It may have been deleted."""

    code = "invalid_ref"


class RunAsForbidden(SchedulerError, Forbidden):
    """Only an admin may have a trigger run as somebody else, or start one that does."""

    code = "run_as_forbidden"


class TriggerForbidden(SchedulerError, Forbidden):
    """Only an admin, the person who made this trigger, or the one it runs as may change it."""

    code = "trigger_forbidden"


class RevisionStale(SchedulerError, PreconditionFailed):
    """Somebody changed this trigger since you read it. Look at it again."""

    code = "revision_stale"


class Overlap(SchedulerError, Conflict):
    """An earlier invocation of this trigger is still under way. Wait for it, cancel it, or force a second one."""

    code = "overlap"


class InvocationFinished(SchedulerError, Conflict):
    """This invocation is over; only one under way can be cancelled."""

    code = "invocation_finished"


class InvocationUnfinished(SchedulerError, Conflict):
    """This invocation is still under way; only one that is over can be run again."""

    code = "invocation_unfinished"


class BackfillTooLarge(SchedulerError, Unprocessable):
    """A backfill runs at most 1,000 slots. Choose a shorter time."""

    code = "backfill_too_large"


class RestartNotConfigured(SchedulerError, Unavailable):
    """This install has no RUNSHEET_DEPLOY_SECRET, so nothing is restarted by one."""

    code = "restart_not_configured"


class RestartFailed(SchedulerError, Unavailable):
    """The scheduler could not be restarted."""

    code = "restart_failed"


class TickUnsent(SchedulerError, Unavailable):
    """The scheduler was restarted, but the queue took no tick. Try again shortly."""

    code = "queue_unavailable"
