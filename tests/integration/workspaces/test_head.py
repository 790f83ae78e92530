"""HEAD is answered by GET, so that it needs the same rights."""

import pytest
from rest_framework.test import APIClient

from workspaces.models import User, Workspace

GUARDED = ["/api/v1/workspaces/{slug}/audit/", "/api/v1/workspaces/{slug}/tokens/"]


@pytest.mark.rule("S9")
@pytest.mark.parametrize("path", GUARDED, ids=["audit", "tokens"])
def test_head_asks_for_the_rights_of_get(
    admin_client: APIClient, workspace: Workspace, viewer: User, path: str
) -> None:
    url = path.format(slug=workspace.slug)
    watching = APIClient()
    watching.force_login(viewer)

    assert (watching.get(url).status_code, watching.head(url).status_code) == (403, 403)
    assert (admin_client.get(url).status_code, admin_client.head(url).status_code) == (200, 200)


def test_head_of_what_everybody_reads_is_answered(workspace: Workspace, viewer: User) -> None:
    watching = APIClient()
    watching.force_login(viewer)

    assert watching.head(f"/api/v1/workspaces/{workspace.slug}/").status_code == 200
