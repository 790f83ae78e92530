"""The pure modules of the workflow editor, unit-tested inside a page."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

TYPES: list[dict[str, Any]] = [
    {"type": "start", "entry": True, "handles": ["source"], "config_form": [], "output_schema": {}},
    {"type": "set", "handles": ["source"], "config_form": [], "output_schema": {}},
    {"type": "http", "handles": ["source"], "output_schema": {"properties": {"status": {}, "body": {}}},
     "config_form": [{"name": "method", "kind": "select", "required": True, "options": ["GET", "PUT"]}]},
    {"type": "condition", "handles": ["false", "true"], "config_form": [], "output_schema": {}},
    {"type": "switch", "handles": ["else"], "handles_vary": True, "config_form": [], "output_schema": {}},
    {"type": "parallel", "container": True, "handles": ["source"], "config_form": [], "output_schema": {}},
    {"type": "note", "handles": [], "config_form": [], "output_schema": {}},
]  # fmt: skip

SPOKEN = "{{ blocks.get.status }} {{ blocks['get'].body }} {{ blocks.getter }}"
FORK: dict[str, Any] = {
    "blocks": [
        {"key": "start", "type": "start", "config": {"inputs": {"name": {"type": "text"}}}},
        {"key": "get", "type": "http", "name": "Get it"},
        {"key": "each", "type": "parallel"},
        {"key": "inner", "type": "set", "parent": "each", "config": {"fields": {"value": "{{ blocks.get.body }}"}}},
        {"key": "end", "type": "set", "config": {"fields": {"a": SPOKEN}}},
    ],
    "edges": [{"from": "start", "to": "get"}, {"from": "get", "to": "each"}, {"from": "each", "to": "end"}],
}  # fmt: skip


def ask(page: Page, module: str, code: str, given: Any = None) -> Any:
    """Evaluate `code`: `m` is the module, `g` what is given, `types` the block types, `fork` a definition."""
    return page.evaluate(
        "async ([module, g, list, fork]) => { const m = await import(`/static/runsheet/flow/${module}.js`);"
        f" const types = new Map(list.map((type) => [type.type, type])); return await ({code}); }}",
        [module, given, TYPES, FORK],
    )


def edges(definition: dict[str, Any]) -> list[str]:
    """The edges of a definition as `a:handle>b`."""
    return sorted(f"{e['from']}:{e.get('handle') or 'source'}>{e['to']}" for e in definition["edges"])


def test_blocks_are_added_removed_joined_and_renamed(modules: Page) -> None:
    def added(kind: str, place: dict[str, Any]) -> Any:
        return ask(modules, "draft", "m.addBlock(fork, types.get(g[0]), g[1])", [kind, place])

    between, key = added("http", {"after": "start"})
    assert key == "http"
    assert edges(between) == ["each:source>end", "get:source>each", "http:source>get", "start:source>http"]
    assert between["blocks"][-1]["config"] == {"method": "GET"}
    decided, _ = added("condition", {"after": "get"})
    assert {"get:source>condition", "condition:true>each"} <= set(edges(decided))
    assert edges(added("note", {"after": "get"})[0]) == edges(FORK)
    inside, key = added("set", {"after": "inner"})
    assert (key, inside["blocks"][-1]["parent"]) == ("set", "each")
    assert "inner:source>set" in edges(inside)
    assert added("set", {"parent": "each"})[0]["blocks"][-1]["parent"] == "each"

    healed = ask(modules, "draft", "m.removeBlock(fork, 'each')")
    assert [block["key"] for block in healed["blocks"]] == ["start", "get", "end"]
    assert edges(healed) == ["get:source>end", "start:source>get"]

    may = ask(
        modules,
        "draft",
        "g.map(([a, b]) => m.mayConnect(fork, a, b))",
        [["start", "end"], ["end", "get"], ["get", "inner"], ["get", "get"], ["get", "nobody"]],
    )
    assert may == [True, False, False, False, False]
    once = ask(modules, "draft", "m.connect(m.connect(fork, 'get', 'error', 'end'), 'get', 'error', 'end')")
    assert edges(once).count("get:error>end") == 1
    assert edges(ask(modules, "draft", "m.disconnect(fork, {from: 'get', to: 'each'})")) == [
        "each:source>end",
        "start:source>get",
    ]

    renamed = ask(modules, "draft", "m.renameBlock(fork, 'get', 'page')")
    assert renamed["blocks"][4]["config"]["fields"]["a"] == (
        "{{ blocks.page.status }} {{ blocks.page.body }} {{ blocks.getter }}"
    )
    assert edges(renamed) == ["each:source>end", "page:source>each", "start:source>page"]
    dashed = ask(modules, "draft", "m.renameBlock(fork, 'get', 'a-b')")
    assert dashed["blocks"][3]["config"]["fields"]["value"] == "{{ blocks['a-b'].body }}"
    assert ask(modules, "draft", "[m.drawable(null), m.drawable({blocks: [3, {key: 'a'}], edges: {}})]") == [
        {"blocks": [], "edges": []},
        {"blocks": [], "edges": []},
    ]


def test_ports_names_and_lines_follow_the_config(modules: Page) -> None:
    ports = "m.handlesOf({edges: []}, {key: 'x', type: g[0], config: g[1]}, types.get(g[0]))"
    table: list[tuple[str, Any, list[str]]] = [
        ("set", {}, ["source", "error"]),
        ("condition", {}, ["true", "false", "error"]),
        ("switch", {"cases": [{"key": "big"}, {"key": ""}]}, ["case-big", "else", "error"]),
        ("note", {}, []),
    ]
    for kind, config, expected in table:
        assert ask(modules, "draft", ports, [kind, config]) == expected

    names = [
        name for name, _ in ask(modules, "draft", "m.namesFor(fork, 'inner', types, {secrets: ['KEY']})")
    ]
    assert names[:3] == ["item", "index", "input.name"]
    assert {"blocks.get.status", "blocks.each.item", "secrets.KEY", "row"} <= set(names)
    assert not any(name.startswith(("blocks.end", "blocks.inner", "blocks.start")) for name in names)
    assert "item" not in [name for name, _ in ask(modules, "draft", "m.namesFor(fork, 'end', types)")]
    lines = ask(
        modules,
        "draft",
        "g.map((config) => m.lineOf({config}, {config_form: [{name: 'x'}, {name: 'url', required: true}]}))",
        [{"url": "https://x", "method": "GET"}, {"x": {"a": 1, "b": 2}}, {"x": ["p", {"key": "q"}]}, {}],
    )
    assert lines == ["GET https://x", "a, b", "p, q", ""]


def test_what_is_typed_is_completed(modules: Page) -> None:
    code = "g.map(([text, bare]) => m.typedAt(text.replace('|', ''), text.indexOf('|'), bare))"
    typed = [
        ["Hello {{ in|", False], ["{{ input.name }} and {{ |", False], ["{{ a }} b|", False], ["plain|", False],
        ["{{ blocks.get.st| }}", False], ["input.x > row.am|", True], ["a > |", True], ["{{ default(input.|", False],
    ]  # fmt: skip
    assert ask(modules, "complete", code, typed) == [
        "in", "", None, None, "blocks.get.st", "row.am", None, "input.",
    ]  # fmt: skip
    found = ask(
        modules, "complete", "m.offered([['row', ''], ['blocks.row', ''], ['input.a', '']], 'ro').map((o) => o.name)"
    )  # fmt: skip
    assert found == ["row", "blocks.row"]
    done = ask(modules, "complete", "m.completed('x {{ in y', 7, 'in', 'input.a', false)")
    assert done == {"text": "x {{ input.a }} y", "caret": 15}
    kept = ask(modules, "complete", "m.completed('{{ in }}', 5, 'in', 'input.a', false).text")
    assert kept == "{{ input.a }}"


FORM: list[dict[str, Any]] = [
    {"name": "url", "kind": "template", "required": True},
    {"name": "query", "kind": "object", "item": {"name": "value", "kind": "template"}},
    {"name": "operations", "kind": "list", "item": {
        "name": "item", "kind": "object", "discriminator": "op",
        "variants": [{"value": "filter", "label": "Filter", "fields": [{"name": "when", "kind": "expression"}]}]}},
]  # fmt: skip


def test_text_becomes_values_and_faults_find_their_fields(modules: Page) -> None:
    read = "g.map((text) => m.readJson(text) ?? null)"
    values = ["", '{"a": 1}', "{{ input.x }}", '{"a":', "3", '"3"']
    assert ask(modules, "values", read, values) == [None, {"a": 1}, "{{ input.x }}", '{"a":', 3, "3"]
    assert ask(modules, "values", "g.map((v) => m.readJson(m.writeJson(v)))", [1, "1", "x", [], {"a": None}]) == [
        1, "1", "x", [], {"a": None},
    ]  # fmt: skip
    assert ask(modules, "values", "g.map((text) => m.readNumber(text) ?? null)", ["", "1.5", " 2 ", "two"]) == [
        None, 1.5, 2, "two",
    ]  # fmt: skip
    shown = "[['1.', 1], ['1.', 2], [null, 7]].map(([text, value]) => m.shownText(text, value, m.codecOf('number')))"
    assert ask(modules, "values", shown) == ["1.", "2", "7"]
    config = {"query": {"q": "x"}, "operations": [{"op": "filter", "when": "("}]}
    places = [
        "config.url", "config.query.q", "config.query.gone", "config.operations[0].when",
        "config.operations.0.filter.when",
        "config.operations.0.op", "config", None, "retry.kind", "parent",
    ]  # fmt: skip
    faults = [{"field": place, "message": str(place), "severity": "error"} for place in places]
    found = ask(modules, "values", "[...m.placed(g[0], g[1], g[2])]", [FORM, config, faults])
    assert dict(found) == {
        "url": ["config.url"], "query.q": ["config.query.q"], "query": ["config.query.gone"],
        "operations.0.when": ["config.operations[0].when", "config.operations.0.filter.when"],
        "operations.0": ["config.operations.0.op"], "": ["config", "None"],
        ":retry.kind": ["retry.kind"], ":parent": ["parent"],
    }  # fmt: skip
    front = ask(
        modules, "values", "m.inFront(g[0], {query: {}}, null).map((part) => part.map((f) => f.name))", [FORM]
    )
    assert front == [["url", "query"], ["operations"]]


WALK = """(async () => {
  const { neighbour } = await import("/static/runsheet/flow/places.js");
  const { nodes, edges } = m.layout(g);
  const within = (a, b) => a.x >= b.x && a.y > b.y && a.x + a.width <= b.x + b.width
    && a.y + a.height <= b.y + b.height;
  return {
    tops: Object.fromEntries([...nodes].map(([key, node]) => [key, node.y])), keys: [...nodes.keys()],
    holds: within(nodes.get("in"), nodes.get("b")),
    around: edges.find((edge) => edge.to === "d" && edge.from === "a").path.includes("V"),
    walks: [["a", "Down"], ["b", "Left"], ["b", "Down"], ["d", "Up"], ["d", "Down"]]
      .map(([key, arrow]) => neighbour(nodes, key, `Arrow${arrow}`)),
  }; })()"""


def test_cards_stand_in_layers_and_arrows_walk_them(modules: Page) -> None:
    blocks = [{"key": "in", "parent": "b"}, *({"key": key} for key in "abcd")]
    blocks.append({"key": "round", "parent": "round"})
    pairs = ["ab", "ac", "bd", "cd", "ad"]
    graph = {"blocks": blocks, "edges": [{"from": one, "to": other} for one, other in map(tuple, pairs)]}
    found = ask(modules, "layout", WALK, graph)
    tops = found["tops"]
    assert tops["a"] < tops["b"] == tops["c"] < tops["in"] < tops["d"]
    assert found["keys"].index("b") < found["keys"].index("in")
    assert (found["holds"], found["around"]) == (True, True)
    assert found["walks"] == ["c", "c", "in", "c", None]
    assert set(tops) == {"a", "b", "c", "d", "in", "round"}


def test_versions_are_compared_by_block_field_and_edge(modules: Page) -> None:
    after = {
        "blocks": [
            {**FORK["blocks"][0], "name": "", "position": {"x": 1}},
            {"key": "get", "type": "http", "name": "Get it", "config": {"url": "x", "query": {"a": 1}}},
            FORK["blocks"][4],
            {"key": "new", "type": "set"},
        ],
        "edges": [{"from": "start", "handle": "source", "to": "get"}, {"from": "get", "handle": "error", "to": "end"}],
    }  # fmt: skip
    found = ask(modules, "diff", "m.definitionsDiffer(fork, g)", after)
    assert [(block["kind"], block["key"]) for block in found["blocks"]] == [
        ("changed", "get"), ("removed", "each"), ("removed", "inner"), ("added", "new"),
    ]  # fmt: skip
    assert [field["path"] for field in found["blocks"][0]["fields"]] == ["config.url", "config.query.a"]
    assert {(edge["kind"], edge["text"]) for edge in found["edges"]} == {
        ("added", "get:error → end"), ("removed", "get → each"), ("removed", "each → end"),
    }  # fmt: skip
