"""What the person looking may do with a trigger (`scheduler.md` section 5); the API decides, pages only offer."""

from __future__ import annotations

from scheduler.models import Trigger
from scheduler.services import rights
from workspaces.models import Membership
from workspaces.states import Role


def may_make(membership: Membership) -> bool:
    """Editors make triggers."""
    return Role(membership.role).rank >= Role.EDITOR.rank


def may_change(membership: Membership, trigger: Trigger) -> bool:
    """Admins, and editors who made it or whom it runs as."""
    return may_make(membership) and rights.may_change(trigger, membership.user_id, Role(membership.role))


def may_run(membership: Membership, trigger: Trigger) -> bool:
    """Editors start what runs as themselves; admins any."""
    return may_make(membership) and rights.may_start(trigger, membership.user_id, Role(membership.role))
