"""Reading HTML: text, links and tables of whatever markup, in linear time (S7, S15)."""

import random
import time
from typing import Any

import pytest

from tests.unit.workflows_blocks.conftest import run
from workflows.blocks.base import BlockFailed

PAGE = """<!doctype html><html><head><title>Shop</title><style>p {}</style></head>
<body><h1>Our  &amp; <b>best</b></h1><p>One<br>two &lt;3<script>alert("x < y")</script>
<a href=" /a?x=1&amp;y=2 ">First <i>link</i></a> <a name=here>no link</a><a href='b'><img alt="A picture"></a>
<table><tr><th>Name<th>Price</tr><tr><td>Tea</td><td> 4 <table><tr><td>inner</td></tr></table></td></tr></table>
tail & end AT&T"""


def read(source: str, what: str = "text") -> Any:
    return run("transform", {"value": source, "operations": [{"op": "parse_html", "what": what}]}).output


def test_text_is_what_a_reader_sees() -> None:
    lines = [
        "Our & best",
        "One",
        "two <3 First link no link",
        "Name Price",
        "Tea 4",
        "inner",
        "tail & end AT&T",
    ]
    assert read(PAGE) == "\n".join(lines)


def test_links_have_their_text_and_their_address_as_written() -> None:
    assert read(PAGE, "links") == [
        {"text": "First link", "url": "/a?x=1&y=2"},
        {"text": "A picture", "url": "b"},
    ]


def test_tables_are_rows_of_cells_and_inner_ones_stand_alone() -> None:
    assert read(PAGE, "tables") == [[["Name", "Price"], ["Tea", "4"]], [["inner"]]]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("a<![CDATA[b]]>c<![foo]>d", "acd"),
        ("a<!-- b > --><!c>d<?php e ?>f", "adf"),
        ("x<script>never closed", "x"),
        ("x <", "x"),
        ("a &#65;&eacute;&nope; b", "a Aé&nope; b"),
        ("</p></table></a>x", "x"),
        ("<template>a</template>b", "b"),
    ],
)
def test_odd_markup_reads_as_well_as_it_can(source: str, text: str) -> None:
    assert read(source) == text


def test_a_number_of_five_thousand_digits_is_no_character() -> None:
    with pytest.raises(BlockFailed) as failure:
        read("&#" + "9" * 5_000 + ";")
    assert failure.value.error.code == "bad_html"


TOKENS = [
    "<", "</", "<a href=", "<!--", "-->", "<![", "]]>", "<?", ">", "'", '"', "=", "/", " ", "a", "&", "&#x", "9", ";",
    "<script", "<table", "<td", "<tr>", "</table>", "<!doctype", "<p/>", "\n", "</title>",
]  # fmt: skip


@pytest.mark.rule("S7")
def test_no_markup_makes_the_reader_raise() -> None:
    chance = random.Random(20261121)
    for _ in range(1_000):
        source = "".join(chance.choice(TOKENS) for _ in range(chance.randrange(30)))
        for what in ("text", "links", "tables"):
            read(source, what)


@pytest.mark.rule("S7")
@pytest.mark.parametrize("unit", ["<!--", "<![", "<a b='", "<!", "</", "&#", "<script></", "<a =", "<?"])
def test_broken_markup_takes_no_more_than_its_time(unit: str) -> None:
    began = time.thread_time()
    try:
        read(unit * (1024 * 1024 // len(unit)))
    except BlockFailed as failure:
        assert failure.error.code in {"timeout", "output_too_large"}  # noqa: PT017  either is an answer
    assert time.thread_time() - began < 5
