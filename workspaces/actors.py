"""Who is acting: the plain value that services take and the audit log keeps."""

from dataclasses import dataclass
from typing import Self
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Actor:
    """A person (perhaps by a token), or the system itself, with the place the request came from."""

    user_id: UUID | None
    label: str
    token_id: UUID | None = None
    ip: str | None = None
    request_id: str = ""

    @classmethod
    def system(cls, label: str = "system") -> Self:
        """What runs without a person: commands, the scheduler, the reaper."""
        return cls(user_id=None, label=label)
