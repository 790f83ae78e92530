"""A small client of Runsheet's REST API: what any program would do with a token."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

import httpx

PATIENCE_SECONDS: Final = 20.0
"""A web process that dies is back within seconds; reading waits for it."""


class ApiRefused(Exception):
    """The API answered with a problem; the message tells which call and why."""


class Api:
    """Calls under `/api/v1/` with one token. Use it as a context manager."""

    def __init__(self, url: str, token: str) -> None:
        """`url` is the address of the web process."""
        self._client = httpx.Client(
            base_url=f"{url}/api/v1/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        """Ready at once; connections are made when needed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Read; a web process that is just being restarted is waited for."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return _answer(self._client.get(path, params=query))
            except httpx.TransportError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def all(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every entry of a list, page by page."""
        after: dict[str, Any] = {}
        while True:
            page = self.get(path, limit=200, **query, **after)
            yield from page["results"]
            if page["next"] is None:
                return
            after = {"after": page["next"]}

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make or start something."""
        return _answer(self._client.post(path, json=body))

    def put(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Set something."""
        return _answer(self._client.put(path, json=body))

    def upload(self, path: str, filename: str, content: bytes, **fields: Any) -> dict[str, Any]:
        """Send a file, with further form fields as JSON."""
        form = {name: json.dumps(value) for name, value in fields.items()}
        return _answer(self._client.post(path, files={"file": (filename, content, "text/csv")}, data=form))


def _answer(response: httpx.Response) -> dict[str, Any]:
    if response.is_success:
        answer: dict[str, Any] = response.json()
        return answer
    request = response.request
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    told = problem.get("detail") or response.reason_phrase
    if errors := problem.get("errors"):
        told += " " + "; ".join(f"{field}: {' '.join(words)}" for field, words in errors.items())
    raise ApiRefused(f"{request.method} {request.url.path} was refused with {response.status_code}: {told}")
