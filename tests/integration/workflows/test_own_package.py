"""The example package of docs/blocks, installed beside Runsheet and used by real processes (W3)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.runtime import BASE_DIR
from tests.bed.processes import StartStack
from tests.integration.workflows.people import client_of, workspace_of
from workspaces.services.secrets import secret_set

pytestmark = pytest.mark.slow
EXAMPLE = BASE_DIR / "docs" / "blocks" / "example-package"
PATIENCE_SECONDS = 60
DEFINITION: dict[str, Any] = {
    "blocks": [
        {"key": "start", "type": "start"},
        {
            "key": "sku",
            "type": "python",
            "config": {"function": "acme_sku", "arguments": {"text": "{{ input.sku }}"}},
        },
        {
            "key": "stock",
            "type": "acme_stock",
            "config": {
                "base_url": "{{ input.warehouse }}",
                "skus": ["{{ blocks.sku.sku }}"],
                "token": "{{ secrets.ACME_TOKEN }}",
            },
        },
        {
            "key": "reorder",
            "type": "acme_reorder",
            "config": {
                "stock": "{{ blocks.stock.stock[blocks.sku.sku] }}",
                "urgent_when": "blocks.stock.stock[blocks.sku.sku] == 0",
            },
        },
        {"key": "order", "type": "respond", "config": {"value": {"order": "{{ blocks.reorder.pieces }}"}}},
        {"key": "hurry", "type": "respond", "config": {"value": {"hurry": "{{ blocks.reorder.pieces }}"}}},
    ],
    "edges": [
        {"from": "start", "to": "sku"},
        {"from": "sku", "to": "stock"},
        {"from": "stock", "to": "reorder"},
        {"from": "reorder", "handle": "order", "to": "order"},
        {"from": "reorder", "handle": "urgent", "to": "hurry"},
    ],
}


def install(site: Path) -> Path:
    """What pip does with a wheel of the package: its modules, and a dist-info that names its entry points."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    for package in ("acme_blocks",):
        shutil.copytree(EXAMPLE / package, site / package, ignore=shutil.ignore_patterns("__pycache__"))
    info = site / f"acme_blocks-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = project["entry-points"].items()
    lines = [
        line
        for group, points in groups
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in points.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return site


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages that holds the example."""
    return install(tmp_path / "site")


@pytest.fixture
def warehouse() -> Iterator[str]:
    """Knows two SKUs, and only whoever has the token."""
    shelf = {"/stock/ACME-0012-B": 3, "/stock/ACME-0007-A": 0}

    class Warehouse(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_known = self.headers["Authorization"] == "Bearer of-the-warehouse" and self.path in shelf
            body = json.dumps({"pieces": shelf.get(self.path)}).encode()
            self.send_response(200 if is_known else 403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Warehouse) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Caller:
    """A REST client of a running stack, with a token of the workspace."""

    def __init__(self, url: str, client: Any) -> None:
        self.http = httpx.Client(
            base_url=f"{url}/api/v1",
            headers={"Authorization": client._credentials["HTTP_AUTHORIZATION"]},
            timeout=PATIENCE_SECONDS,
        )

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, path, json=body)
        assert answer.status_code < 400, answer.text
        return answer.json()

    def run(self, workflow: str, given: dict[str, Any]) -> Any:
        """A run, followed to its end."""
        run = self("POST", f"/workflows/{workflow}/runs/", {"input": given, "wait_seconds": 20})
        ends = time.monotonic() + PATIENCE_SECONDS
        while run["finished_at"] is None and time.monotonic() < ends:
            run = self("GET", f"/runs/{run['id']}/")
        return run


@pytest.mark.rule("W3")
def test_an_installed_package_is_listed_validated_and_run(
    start_stack: StartStack, site: Path, warehouse: str
) -> None:
    allowed = warehouse.removeprefix("http://")
    stack = start_stack("web", "worker", "control", PYTHONPATH=str(site), RUNSHEET_HTTP_ALLOW=allowed)
    workspace = workspace_of("ada")
    secret_set(workspace=workspace, name="ACME_TOKEN", value="of-the-warehouse", actor=_actor())
    call = Caller(stack.url, client_of(workspace))

    listed = {block["type"]: block for block in call("GET", "/blocks/")["results"]}
    assert listed["acme_reorder"]["handles"] == ["enough", "order", "urgent"]
    assert listed["acme_stock"]["package"] == "acme_blocks"
    assert [field["kind"] for field in listed["acme_reorder"]["config_form"]] == [
        "number",
        "number",
        "select",
        "expression",
    ]
    schemas = call.http.get("/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
    assert "BlockConfig_acme_stock" in schemas["components"]["schemas"]

    wrong = {"blocks": [{"key": "a", "type": "acme_reorder", "config": {"least": -1}}]}
    workflow = call("POST", "/workflows/", {"name": "Order", "definition": wrong})
    faults = {fault["field"] for fault in workflow["faults"]}
    assert {"config.least", "config.stock"} <= faults

    call("PATCH", f"/workflows/{workflow['id']}/", {"definition": DEFINITION})
    call("POST", f"/workflows/{workflow['id']}/publish/", {"ref": "live"})
    few = call.run(workflow["id"], {"warehouse": warehouse, "sku": "acme 12-b"})
    none = call.run(workflow["id"], {"warehouse": warehouse, "sku": "7A"})
    odd = call.run(workflow["id"], {"warehouse": warehouse, "sku": "a dozen"})
    assert (few["status"], few["result"], few["cost"]) == ("completed", {"order": 10}, "0.000200")
    assert none["result"] == {"hurry": 10}
    assert (odd["status"], odd["error"]["code"]) == ("failed", "sku_unreadable")
    call.http.close()


def _actor() -> Any:
    from workspaces.actors import Actor

    return Actor.system("test")


@pytest.mark.rule("W3")
def test_its_own_tests_pass() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLE)]
    done = subprocess.run(command, cwd=EXAMPLE, env=bare(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def bare(**more: str) -> dict[str, str]:
    """The environment of somebody who has started nothing."""
    ours = ("RUNSHEET", "DJANGO", "DATABASE", "REDIS", "PYTEST", "COV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "RUNSHEET_MODE": "test", "PYTHONDONTWRITEBYTECODE": "1", **more}


Manage = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def manage(site: Path, tmp_path: Path) -> Manage:
    """`manage(source, …)`: a command with the package installed, and ``source`` as the module ``mine``."""

    def run(source: str | None, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        if source is not None:
            (tmp_path / "mine.py").write_text(source)
        path = os.pathsep.join([str(site), str(tmp_path)])
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR,
            env=bare(PYTHONPATH=path, RUNSHEET_VAR=str(tmp_path), **env),
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.rule("W3")
def test_the_reference_of_a_package_is_written_without_services(manage: Manage) -> None:
    done = manage(None, "block_reference", "--of", "acme_blocks")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# Blocks of acme_blocks\n")
    for word in ("## `acme_reorder`", "## `acme_stock`", "## `acme_sku`", "When an order cannot wait."):
        assert word in done.stdout


TWICE = '''
from acme_blocks.reorder import Reorder
from workflows.blocks.registry import register

@register
class Other(Reorder):
    """Has the name of another."""
'''
NO_TITLE = """
from workflows.blocks.base import Block, BlockConfig, BlockResult, Example
from workflows.blocks.registry import register

@register
class Mine(Block[BlockConfig]):
    name, config_model, example = "mine", BlockConfig, Example(config={})

    def run(self, context, config):
        return BlockResult()
"""
NO_FORM = """
from collections.abc import Callable
from workflows.blocks.base import Block, BlockConfig, BlockResult, Example
from workflows.blocks.registry import register

class Config(BlockConfig):
    how: Callable[[], int]

@register
class Mine(Block[Config]):
    name, title, config_model, example = "mine", "Mine", Config, Example(config={})

    def run(self, context, config):
        return BlockResult()
"""


@pytest.mark.rule("W3")
@pytest.mark.parametrize(
    ("source", "modules", "words"),
    [
        (
            TWICE,
            "mine",
            "'acme_reorder' is registered twice: by acme_blocks.reorder.Reorder and by mine.Other",
        ),
        (NO_TITLE, "mine", "Block class mine.Mine lacks title; set them as class attributes."),
        (NO_FORM, "mine", "Block class mine.Mine has the field 'how', of which no form can be made"),
        (
            None,
            "nobodys.blocks",
            "RUNSHEET_BLOCKS names the module 'nobodys.blocks', which cannot be imported",
        ),
    ],
    ids=["twice", "no-title", "no-form", "no-module"],
)
def test_a_wrong_registration_stops_every_process_with_one_plain_sentence(
    manage: Manage, source: str | None, modules: str, words: str
) -> None:
    done = manage(source, "block_reference", RUNSHEET_BLOCKS=modules)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
