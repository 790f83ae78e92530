"""Domain errors of the whole product. Each is a fact; its docstring is what a user reads by default.

A kind (`NotFound`, `Conflict`, …) says what sort of trouble it is; apps subclass a kind and give it a
stable `code`. `config/api_errors.py` alone turns a kind into an HTTP status.
"""

import inspect
from typing import Any, ClassVar


class RunsheetError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"

    def __init__(
        self, detail: str | None = None, *, errors: dict[str, list[str]] | None = None, **extra: Any
    ) -> None:
        """`detail` is one sentence for people; `errors` maps dotted field paths to messages.

        `extra` becomes further members of the problem document (plain JSON values only).
        """
        self.detail = detail if detail is not None else self.default_detail()
        self.errors = errors
        self.extra = extra
        super().__init__(self.detail)

    @classmethod
    def default_detail(cls) -> str:
        """The first paragraph of the (inherited) docstring, on one line."""
        doc = inspect.getdoc(cls) or cls.code
        return " ".join(doc.split("\n\n")[0].split())


class NotFound(RunsheetError):
    """There is no such thing here."""

    code = "not_found"


class Invalid(RunsheetError):
    """The request is not valid."""

    code = "invalid"


class Unauthenticated(RunsheetError):
    """Sign in, or send a valid token."""

    code = "unauthenticated"


class Forbidden(RunsheetError):
    """Your role or token does not allow this."""

    code = "forbidden"


class Conflict(RunsheetError):
    """The present state does not allow this."""

    code = "conflict"


class Gone(RunsheetError):
    """This existed, and is over."""

    code = "gone"


class TooLarge(RunsheetError):
    """That is larger than the limit."""

    code = "too_large"


class Unprocessable(RunsheetError):
    """The request is well formed but cannot be carried out."""

    code = "unprocessable"


class PreconditionFailed(RunsheetError):
    """It has changed since you read it. Look at it again."""

    code = "precondition_failed"


class Throttled(RunsheetError):
    """Too many requests. Try again later."""

    code = "throttled"


class Unavailable(RunsheetError):
    """A service we depend on does not answer. Try again shortly."""

    code = "unavailable"


class LastAdmin(Conflict):
    """A workspace needs at least one admin. Make someone else admin first."""

    code = "last_admin"


class SlugTaken(Conflict):
    """Another workspace already uses this slug."""

    code = "slug_taken"


class AlreadyMember(Conflict):
    """This person is already a member of the workspace."""

    code = "already_member"


class UnknownPerson(Invalid):
    """There is no account of that name."""

    code = "unknown_person"


class ScopeExceedsRole(Invalid):
    """A token cannot do more than the role of the person it belongs to."""

    code = "scope_exceeds_role"


class SecretUnreadable(Unprocessable):
    """A stored secret cannot be decrypted with the keys at hand. Restore the key it was encrypted with."""

    code = "secret_unreadable"


class SecretMissing(Unprocessable):
    """A secret that is referred to does not exist in this workspace."""

    code = "secret_missing"


class IdempotencyMismatch(Unprocessable):
    """This Idempotency-Key was already used with a different request. Use a new key for a new request."""

    code = "idempotency_mismatch"


class IdempotencyInProgress(Conflict):
    """The first request with this Idempotency-Key is still being carried out. Try again shortly."""

    code = "idempotency_in_progress"
