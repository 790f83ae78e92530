"""How many questions wait for people: for the navigation of every page."""

from __future__ import annotations

from typing import Final

from django import template

from workflows.selectors import approvals_open_count
from workspaces.models import Workspace

register = template.Library()

MOST: Final = 100
"""Counted no further: one short look at a partial index."""


@register.simple_tag
def approvals_waiting(workspace: Workspace) -> str:
    """``3``, ``99+``, or nothing when nobody is asked."""
    count = approvals_open_count(workspace.pk, MOST)
    return f"{MOST - 1}+" if count >= MOST else str(count or "")
