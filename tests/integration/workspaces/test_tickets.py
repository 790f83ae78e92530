"""Socket tickets open one socket, once, soon."""

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from tests.bed.races import Race
from workspaces import selectors
from workspaces.models import SocketTicket, User, Workspace
from workspaces.services.tickets import ticket_create, ticket_redeem
from workspaces.services.workspaces import workspace_create


@pytest.mark.rule("S10")
def test_a_ticket_is_stored_as_a_hash_and_redeemed_once(
    viewer_client: APIClient, viewer: User, workspace: Workspace
) -> None:
    answer = viewer_client.post("/api/v1/ws-tickets/")
    assert (answer.status_code, answer.json()["expires_in_seconds"]) == (201, 60)
    raw = answer.json()["ticket"]
    assert SocketTicket.objects.get().sha256 not in raw
    assert ticket_redeem(raw) == (viewer.pk, workspace.pk)
    assert ticket_redeem(raw) is None


@pytest.mark.rule("S10")
@pytest.mark.parametrize("raw", ["", "rst_unknown", "\ud800"])
def test_an_unknown_ticket_opens_nothing(db: None, raw: str) -> None:
    assert ticket_redeem(raw) is None


@pytest.mark.rule("S10")
def test_an_expired_ticket_opens_nothing_and_is_swept(workspace: Workspace, viewer: User) -> None:
    raw = ticket_create(workspace=workspace, user=viewer)
    SocketTicket.objects.update(expires_at=timezone.now())
    assert ticket_redeem(raw) is None
    ticket_create(workspace=workspace, user=viewer)
    assert SocketTicket.objects.count() == 1


@pytest.mark.rule("S10")
def test_of_two_sockets_with_one_ticket_one_gets_in(two_connections: Race) -> None:
    from tests.integration.workspaces.people import ACTOR

    user = User.objects.create_user("racer")
    workspace = workspace_create(name="Race", owner=user, actor=ACTOR)
    raw = ticket_create(workspace=workspace, user=user)
    outcomes = two_connections(*[lambda: ticket_redeem(raw)] * 3)
    assert sorted(outcome.value is None for outcome in outcomes) == [False, True, True]


def test_membership_is_asked_afresh(workspace: Workspace, viewer: User, outsider: User) -> None:
    assert selectors.membership_for(viewer.pk, workspace.pk) is not None
    assert selectors.membership_for(outsider.pk, workspace.pk) is None
    viewer.is_active = False
    viewer.save()
    assert selectors.membership_for(viewer.pk, workspace.pk) is None
