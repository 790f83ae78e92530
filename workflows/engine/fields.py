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
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Template:
    """The field's strings, at any depth, are templates. ``secrets`` lets them read ``secrets.<NAME>``.

    ``adds`` names roots that the block supplies itself beside the usual ones (``item``, ``index``).
    """

    secrets: bool = False
    adds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Expression:
    """The field's strings, at any depth, are bare expressions (no braces), left for the block to evaluate.

    ``adds`` names roots that the block supplies itself beside the usual ones (``item``, ``index``).
    """

    secrets: bool = False
    adds: frozenset[str] = frozenset()


Marker = Template | Expression
