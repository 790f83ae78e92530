"""Saved views: named filter, sort and layout; they survive renames and lose only what is gone (T2, T3)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.tables.test_schema import column_id, group_body

pytestmark = [pytest.mark.django_db, pytest.mark.rule("T2")]


def view_make(client: Any, path: str, **more: Any) -> dict[str, Any]:
    answer = client.post(f"{path}/views/", {"name": "Mine", **more}, format="json")
    assert answer.status_code == 201, answer.json()
    return dict(answer.json())


def test_columns_are_kept_by_id_so_a_rename_leaves_the_view(client: Any) -> None:
    path = client.table("name", "city")
    client.post(f"{path}/rows/", {"rows": [{"data": {"name": n}} for n in "bac"]}, format="json")
    name = column_id(client, path, "name")

    view = view_make(
        client,
        path,
        filter={"all": [{"column": "name", "op": "ne", "value": "c"}]},
        sort=["-name"],
        layout={"hidden": ["city"], "widths": {"name": 120}, "pinned": [name], "row_height": "tall"},
    )

    assert view["filter"] == {"all": [{"column": name, "op": "ne", "value": "c"}]}
    assert view["sort"] == [{"column": name, "direction": "desc"}]
    assert view["layout"] == {
        "hidden": [column_id(client, path, "city")],
        "widths": {name: 120},
        "pinned": [name],
        "row_height": "tall",
    }
    client.patch(f"{path}/columns/{name}/", {"name": "Full name"}, format="json")
    assert [row["data"]["name"] for row in client.rows(path, view=view["id"])] == ["b", "a"]


def test_a_deleted_column_leaves_filters_sorts_and_layouts(client: Any) -> None:
    path = client.table("name", "city")
    name, city = column_id(client, path, "name"), column_id(client, path, "city")
    of_city = {"column": city, "op": "eq", "value": "Ulm"}
    of_name = {"column": name, "op": "not_empty"}
    view = view_make(
        client,
        path,
        filter={"any": [{"not": of_city}, {"all": [of_city, of_name]}, {"all": [of_city]}]},
        sort=[{"column": city, "direction": "desc"}, {"column": name}],
        layout={"hidden": [city], "pinned": [name, city], "widths": {city: 90}},
    )
    lone = view_make(client, path, name="Lone", filter=of_city)
    client.put(f"{path}/layout/", {"widths": {city: 80, name: 70}, "hidden": [city]}, format="json")

    assert client.delete(f"{path}/columns/{city}/").status_code == 204

    left = client.get(f"{path}/views/{view['id']}/").json()
    assert left["filter"] == {"any": [{"all": [of_name]}]}
    assert left["sort"] == [{"column": name, "direction": "asc"}]
    assert left["layout"] == {"hidden": [], "pinned": [name], "widths": {}}
    assert client.get(f"{path}/views/{lone['id']}/").json()["filter"] is None
    assert client.get(f"{path}/").json()["layout"] == {"widths": {name: 70}, "hidden": []}
    assert client.rows(path, view=view["id"]) == []


def test_a_deleted_group_and_a_changed_type_leave_filters_that_work(client: Any) -> None:
    path = client.table("name")
    group = client.post(f"{path}/groups/", group_body(client), format="json").json()
    by_status = {"group": group["id"], "status": "failed"}
    substring = {"column": column_id(client, path, "name"), "op": "contains", "value": "a"}
    view = view_make(client, path, filter={"any": [by_status, substring]})

    client.delete(f"{path}/groups/{group['id']}/")
    assert client.get(f"{path}/views/{view['id']}/").json()["filter"] == {"any": [substring]}
    client.patch(f"{path}/columns/{substring['column']}/", {"type": "number"}, format="json")
    assert client.get(f"{path}/views/{view['id']}/").json()["filter"] is None
    assert client.get(f"{path}/rows/", {"view": view["id"]}).status_code == 200


@pytest.mark.rule("T3")
def test_two_people_changing_different_parts_of_a_view_both_keep_theirs(client: Any) -> None:
    from tables.models import View
    from tables.services.views import view_update
    from tests.integration.tables.clients import ACTOR

    path = client.table("name")
    view_make(client, path)
    one, other = View.objects.get(), View.objects.get()

    view_update(view=one, actor=ACTOR, sort=["name"])
    view_update(view=other, actor=ACTOR, name="Ours")

    stored = View.objects.get()
    assert (stored.name, len(stored.sort)) == ("Ours", 1)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"layout": {"hidden": ["gone"]}}, "layout.hidden[0]"),
        ({"layout": {"hidden": "name"}}, "layout.hidden"),
        ({"layout": {"widths": {"name": 1}}}, "layout.widths.name"),
        ({"layout": {"colour": 1}}, "layout.colour"),
        ({"layout": {"row_height": ["tall"]}}, "layout.row_height"),
        ({"sort": ["gone"]}, None),
        ({"filter": {"column": "gone"}}, "filter.column"),
        ({"name": "x" * 201}, "name"),
        ({"nam": "x"}, "nam"),
    ],
    ids=["hidden", "no list", "width", "part", "height", "sort", "filter", "long name", "unknown"],
)
def test_a_faulty_view_is_refused_by_field(client: Any, body: dict[str, Any], field: str | None) -> None:
    path = client.table("name")

    answer = client.post(f"{path}/views/", {"name": "Mine", **body}, format="json")

    assert answer.status_code == 400, answer.json()
    assert field is None or field in answer.json()["errors"]


def test_views_have_an_order_and_a_default_until_they_are_deleted(client: Any) -> None:
    path, other = client.table("name"), client.table("name", name="Others")
    first, second = view_make(client, path, name="A"), view_make(client, path, name="B")
    foreign = view_make(client, other)

    body = {"views": [second["id"], first["id"]], "default_view": second["id"]}
    assert client.put(f"{path}/layout/", body, format="json").json()["layout"] == body
    for faulty in ({"views": [foreign["id"]]}, {"default_view": foreign["id"]}):
        answer = client.put(f"{path}/layout/", faulty, format="json")
        assert list(answer.json()["errors"]) == list(faulty)

    assert client.delete(f"{path}/views/{second['id']}/").status_code == 204
    assert client.get(f"{path}/").json()["layout"] == {"views": [first["id"]], "default_view": None}
    client.put(f"{path}/layout/", {"default_view": None, "hidden": ["name"]}, format="json")
    assert client.get(f"{path}/").json()["layout"]["hidden"] == [column_id(client, path, "name")]


def test_every_change_of_a_view_is_in_the_audit_log(client: Any) -> None:
    from workspaces.models import AuditEvent

    path = client.table("name")
    view = view_make(client, path)
    client.patch(f"{path}/views/{view['id']}/", {"name": "Ours"}, format="json")
    client.delete(f"{path}/views/{view['id']}/")

    actions = AuditEvent.objects.filter(action__startswith="view.").values_list("action", flat=True)
    assert sorted(actions) == ["view.created", "view.deleted", "view.updated"]


def test_a_column_says_who_would_miss_it(client: Any) -> None:
    path = client.table("name", "city")
    body = group_body(
        client,
        inputs={"who": {"column": "name"}, "loud": {"expression": "row.city|upper"}},
        depends_on=["name"],
        condition="row.city != ''",
    )
    group = client.post(f"{path}/groups/", body, format="json").json()
    view = view_make(client, path, sort=["city"])

    def uses(key: str) -> list[tuple[str, str]]:
        found = client.get(f"{path}/columns/{column_id(client, path, key)}/").json()["used_by"]
        return [(use["kind"], use["id"]) for use in found]

    assert uses("name") == [(kind, group["id"]) for kind in ("dependency", "input", "workflow")]
    assert uses("city") == [("expression", group["id"]), ("condition", group["id"]), ("view", view["id"])]
    assert uses("greeting") == []
