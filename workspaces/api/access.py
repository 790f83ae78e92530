"""Which workspace a request means, who is acting in it, and whether they may."""

from typing import TYPE_CHECKING

from rest_framework.request import Request

from workspaces.actors import Actor
from workspaces.api.authentication import token_of
from workspaces.errors import Forbidden, NotFound
from workspaces.models import ApiToken, Membership, User, Workspace
from workspaces.origin import client_ip, request_id
from workspaces.selectors import membership_default, membership_named, membership_of_token
from workspaces.states import REQUIREMENTS, Access, Role, Scope


class WorkspaceRequest(Request):
    """A DRF request after `WorkspaceAPIView` let it in."""

    workspace: Workspace
    membership: Membership
    actor: Actor
    if TYPE_CHECKING:
        user: User


def person_of(request: Request) -> User:
    """Who is signed in; only after authentication."""
    assert isinstance(request.user, User)
    return request.user


def workspace_named_by(request: Request) -> str | None:
    """The workspace a request names itself (`X-Workspace` or `?workspace=`), as id or slug."""
    return request.headers.get("X-Workspace") or request.query_params.get("workspace") or None


def membership_of_request(request: Request, named: str | None) -> Membership:
    """The caller's place in the workspace meant. Raises `NotFound` for a foreign or unknown one.

    A token means its own workspace and may name no other. A session means the one it names, else
    the person's last or only one.
    """
    token = token_of(request)
    if token is not None:
        membership = _of_token(token, named)
    elif named is not None:
        membership = membership_named(person_of(request).pk, named)
    else:
        membership = membership_default(person_of(request))
    if membership is None:
        raise NotFound(
            "There is no such workspace, or you are not a member of it."
            if named
            else "You are not a member of any workspace yet. Ask an admin to add you."
        )
    return membership


def _of_token(token: ApiToken, named: str | None) -> Membership | None:
    if named is not None and named not in {str(token.workspace_id), token.workspace.slug}:
        return None
    return membership_of_token(token)


def access_require(request: WorkspaceRequest, access: Access) -> None:
    """Raise `Forbidden` unless the caller's role, and their token's scope, reach far enough."""
    token = token_of(request)
    role = Role(request.membership.role)
    scope = Scope(token.scope) if token else Scope.WRITE
    needed = REQUIREMENTS[access]
    if needed.allows(role, scope):
        return
    if role.rank < needed.role.rank:
        raise Forbidden(
            f"This needs the role {needed.role}; yours is {role}.", required_role=needed.role.value
        )
    raise Forbidden(
        f"This needs a token of scope {needed.scope}; yours is {scope}.", required_scope=needed.scope.value
    )


def actor_of(request: Request) -> Actor:
    """The caller as services and the audit log know them."""
    token, person = token_of(request), person_of(request)
    return Actor(
        user_id=person.pk,
        label=person.get_username(),
        token_id=token.pk if token else None,
        ip=client_ip(request),
        request_id=request_id(),
    )
