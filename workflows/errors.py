"""Facts that workflows report, each with a stable code; their kinds come from ``workspaces``."""

from __future__ import annotations

from workspaces.errors import (
    Conflict,
    Gone,
    Invalid,
    NotFound,
    PreconditionFailed,
    RunsheetError,
    Unauthenticated,
    Unprocessable,
)


class WorkflowError(RunsheetError):
    """The workflow cannot do this."""

    code = "workflow_error"


class WorkflowNotFound(WorkflowError, NotFound):
    """There is no such workflow in this workspace."""

    code = "workflow_not_found"


class VersionNotFound(WorkflowError, NotFound):
    """This workflow has no such version."""

    code = "version_not_found"


class RefNotFound(WorkflowError, NotFound):
    """This workflow has no ref of that name. Publish a version under it first."""

    code = "ref_not_found"


class RunNotFound(WorkflowError, NotFound):
    """There is no such run in this workspace."""

    code = "run_not_found"


class RefNameInvalid(WorkflowError, Invalid):
    """Ref names are up to 256 letters, digits, '.', '_', '/' and '-', starting with a letter or digit.

    They hold no '..', '//' or '@{' and do not end in '/', '.' or '.lock' (W2).
    """

    code = "ref_name_invalid"


class WorkflowStale(WorkflowError, PreconditionFailed):
    """Somebody changed this workflow since you read it. Look at it again."""

    code = "workflow_stale"


class RefInUse(WorkflowError, Conflict):
    """A workflow group uses this ref. Point the group at another ref first."""

    code = "ref_in_use"


class DefinitionInvalid(WorkflowError, Unprocessable):
    """This definition has errors and can neither run nor be published. Correct the faults listed."""

    code = "definition_invalid"


class NotResumable(WorkflowError, Conflict):
    """Only failed runs, and runs that need a decision, can be resumed (W22)."""

    code = "not_resumable"


class RunFinished(WorkflowError, Conflict):
    """This run has already ended."""

    code = "run_finished"


class RunSuperseded(WorkflowError, Conflict):
    """A newer run owns this cell (W22)."""

    code = "superseded"


class DeadlinePassed(WorkflowError, Gone):
    """The run's deadline has passed. Extend it to resume (W22)."""

    code = "deadline_passed"


class LeaseLost(WorkflowError, Conflict):
    """Another process owns this run now; what this one computed was dropped (W13)."""

    code = "lease_lost"


class BlockMissing(WorkflowError, Conflict):
    """The target version has no such block (W27)."""

    code = "block_missing"


class PlanChanged(WorkflowError, Conflict):
    """What would be rerun has changed since the preview. Look at the new plan, and confirm that one (W27)."""

    code = "plan_changed"


class RerunRefused(WorkflowError, Conflict):
    """There is no such rerun of this run (W26, W28)."""

    code = "rerun_refused"


class DecisionNotAsked(WorkflowError, Conflict):
    """Nobody has to decide about this step, or somebody has decided already (W15)."""

    code = "decision_not_asked"


class WorkflowNameTaken(WorkflowError, Conflict):
    """Another workflow of this workspace has this name. Choose another, or archive that one."""

    code = "name_taken"


class WorkflowInUse(WorkflowError, Conflict):
    """Workflow groups use this workflow. Point them at another one, or delete them, first."""

    code = "workflow_in_use"


class RunInputInvalid(WorkflowError, Invalid):
    """The input does not fit what the workflow declares."""

    code = "input_invalid"


class HookNotFound(WorkflowError, NotFound):
    """There is no such hook, or it takes no deliveries now."""

    code = "hook_not_found"


class HookSignatureInvalid(WorkflowError, Unauthenticated):
    """This delivery is not signed as it must be, or too old (trust.md 12)."""

    code = "signature_invalid"


class HookInputUnfit(WorkflowError, Unprocessable):
    """A hook starts runs with nothing but the input 'payload', and this workflow cannot begin with that."""

    code = "hook_input_unfit"


class PauseNotFound(WorkflowError, NotFound):
    """There is no such question in this run."""

    code = "pause_not_found"


class PauseAnswered(WorkflowError, Conflict):
    """This question has been answered already. The first answer counts (W20)."""

    code = "already_answered"


class PauseGone(WorkflowError, Gone):
    """This question is over: it expired, or the run that asked it has ended."""

    code = "question_over"


class PauseAnswerInvalid(WorkflowError, Invalid):
    """The answer does not fit what is asked. Correct the fields named."""

    code = "answer_invalid"


class StepNotFound(WorkflowError, NotFound):
    """Neither run has a step of this key."""

    code = "step_not_found"
