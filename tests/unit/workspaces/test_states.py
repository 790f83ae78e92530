"""The matrix of roles and token scopes against what requests require."""

import pytest

from workspaces.states import LARGEST_SCOPE, REQUIREMENTS, Role, Scope

ALLOWED = {
    ("viewer", "read"): {"read"},
    ("viewer", "run"): {"read"},
    ("viewer", "write"): {"read", "own"},
    ("editor", "read"): {"read"},
    ("editor", "run"): {"read", "run"},
    ("editor", "write"): {"read", "run", "write", "own"},
    ("admin", "read"): {"read"},
    ("admin", "run"): {"read", "run"},
    ("admin", "write"): {"read", "run", "write", "own", "admin"},
}


@pytest.mark.rule("S9")
@pytest.mark.parametrize(("role", "scope"), ALLOWED)
def test_role_and_scope_both_limit_what_is_allowed(role: Role, scope: Scope) -> None:
    allowed = {access for access, needed in REQUIREMENTS.items() if needed.allows(Role(role), Scope(scope))}
    assert allowed == ALLOWED[role, scope]


def test_every_role_has_a_largest_scope() -> None:
    assert set(LARGEST_SCOPE) == set(Role)
