"""Each block by its example, its ports and its failures."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.test import override_settings

from workflows.blocks.base import BlockFailed
from workflows.blocks.registry import block_types
from workflows.blocks.trial import new_context, try_block

SHELF = {"ACME-0012-B": 3, "ACME-0007-A": 40}
ASKED_WITH: list[str | None] = []


class Warehouse(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        ASKED_WITH.append(self.headers["Authorization"])
        sku = self.path.removeprefix("/stock/")
        known, broken = sku in SHELF, sku == "BROKEN"
        body = json.dumps({"pieces": SHELF[sku]} if known else {}).encode()
        self.send_response(503 if broken else 200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def warehouse() -> Iterator[str]:
    """Private addresses are refused unless the install allows them."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Warehouse) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        place = f"127.0.0.1:{server.server_port}"
        with override_settings(RUNSHEET_HTTP_ALLOW=[place]):
            yield f"http://{place}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("stock", "handle", "pieces"), [(12, "enough", 0), (10, "enough", 0), (3, "order", 10), (0, "urgent", 10)]
)
def test_reorder_by_each_port(stock: int, handle: str, pieces: int) -> None:
    config = dict(block_types()["acme_reorder"].example.config)
    result = try_block("acme_reorder", config, input={"stock": stock})
    assert (result.handle, result.output) == (handle, {"pieces": pieces})


def test_a_wrong_config_names_its_field() -> None:
    with pytest.raises(BlockFailed) as failure:
        try_block("acme_reorder", {"stock": 1, "pack": 7})
    assert failure.value.error.message.startswith("config.pack: ")


def test_stock_of_what_is_known_and_what_is_not(warehouse: str) -> None:
    config = {
        "base_url": warehouse,
        "skus": ["ACME-0012-B", "ACME-0001-Z"],
        "token": "{{ secrets.ACME_TOKEN }}",
    }
    told: list[object] = []
    context = new_context(block_types()["acme_stock"], {})
    context.tell = lambda kind, value: told.append(value["done"])
    result = try_block("acme_stock", config, secrets={"ACME_TOKEN": "s3cret"}, context=context)
    assert result.output == {"stock": {"ACME-0012-B": 3, "ACME-0001-Z": None}}
    assert str(result.cost) == "0.0004"
    assert told == [0.0, 0.5]
    assert ASKED_WITH[-1] == "Bearer s3cret"


def test_a_warehouse_in_trouble_is_worth_another_try(warehouse: str) -> None:
    with pytest.raises(BlockFailed) as failure:
        try_block("acme_stock", {"base_url": warehouse, "skus": ["BROKEN"]})
    error, block = failure.value.error, block_types()["acme_stock"]
    assert error.code == "upstream_error"
    assert error.error_class in block.default_retry.retry_on


def test_a_sku_is_written_one_way() -> None:
    config = {"function": "acme_sku", "arguments": {"text": "{{ input.text }}"}}
    assert try_block("python", config, input={"text": "acme 12-b"}).output == {"sku": "ACME-0012-B"}
    with pytest.raises(BlockFailed) as failure:
        try_block("python", config, input={"text": "a dozen"})
    assert failure.value.error.code == "sku_unreadable"
