"""What the person looking may do with a trigger (`scheduler.md` section 5); the API decides, pages only offer."""

from __future__ import annotations

from scheduler.models import Trigger
from workspaces.models import Membership
from workspaces.states import Role


def may_make(membership: Membership) -> bool:
    """Editors make triggers."""
    return Role(membership.role).rank >= Role.EDITOR.rank


def may_change(membership: Membership, trigger: Trigger) -> bool:
    """Admins, and editors who made it or whom it runs as."""
    mine = membership.user_id in {trigger.created_by_id, trigger.run_as_user_id}
    return membership.role == Role.ADMIN or (may_make(membership) and mine)


def may_run(membership: Membership, trigger: Trigger) -> bool:
    """Editors start what runs as themselves; admins any."""
    mine = membership.user_id == trigger.run_as_user_id
    return membership.role == Role.ADMIN or (may_make(membership) and mine)
