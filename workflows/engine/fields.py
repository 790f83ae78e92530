"""Markers by which a block's config says which of its fields hold templates or expressions (W3, W4).

    class HttpConfig(BaseModel):
        method: Literal["GET", "POST"] = "GET"                 # literal, never expanded
        url: Annotated[str, Template(secrets=True)]             # "https://x/{{ row.id }}?k={{ secrets.KEY }}"
        headers: Annotated[dict[str, str], Template(secrets=True)] = {}
        body: Annotated[Any, Template()] = None                 # any JSON whose strings are templates
        retries: Annotated[int, Template()] = 1                 # "{{ input.n }}" keeps its JSON type

    class Case(BaseModel):
        name: str
        when: Annotated[str, Expression()]                      # row.score > 40

A ``Template`` field reaches the block **resolved**. An ``Expression`` field reaches it as its checked source,
because blocks decide when to evaluate it (a condition stops at the first case that holds; a transform
evaluates once per item): ``compile_expression(source).render(roots)``, which is compiled once.
Markers work on nested models, lists, dicts, tuples and unions of them. Keys of dicts are never expanded.

In the JSON schema of a config a marked place says ``x-template`` or ``x-expression``, with ``x-secrets`` and
``x-roots`` (the marker's ``adds``) where they apply: what `engine.config_form` and editors read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema


@dataclass(frozen=True, slots=True)
class Template:
    """The field's strings, at any depth, are templates. ``secrets`` lets them read ``secrets.<NAME>``.

    ``adds`` names roots that the block supplies itself beside the usual ones (``item``, ``index``).
    """

    secrets: bool = False
    adds: frozenset[str] = frozenset()

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The schema of the field, with the marker on it."""
        return _marked(handler(core), "x-template", self)


@dataclass(frozen=True, slots=True)
class Expression:
    """The field's strings, at any depth, are bare expressions (no braces), left for the block to evaluate.

    ``adds`` names roots that the block supplies itself beside the usual ones (``item``, ``index``).
    """

    secrets: bool = False
    adds: frozenset[str] = frozenset()

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The schema of the field, with the marker on it."""
        return _marked(handler(core), "x-expression", self)


Marker = Template | Expression


def _marked(schema: Mapping[str, Any], word: str, marker: Marker) -> dict[str, Any]:
    marked = {**schema, word: True}
    if marker.secrets:
        marked["x-secrets"] = True
    if marker.adds:
        marked["x-roots"] = sorted(marker.adds)
    return marked
