"""Templates and expressions as compiled, immutable values: ``compile_template``, ``compile_expression`` (W4–W6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, TypeVar

from jinja2 import TemplateSyntaxError, UndefinedError, nodes
from jinja2.exceptions import SecurityError

from workflows.engine.expressions import sandbox
from workflows.engine.expressions.errors import EvaluationError, ExpressionError
from workflows.engine.expressions.evaluation import (
    ROOTS,
    Evaluation,
    Missing,
    Path,
    Skipped,
    fail_missing,
    read,
)
from workflows.engine.expressions.grammar import static_path
from workflows.engine.expressions.limits import MAX_SOURCE_BYTES, checked_length, checked_text
from workflows.engine.expressions.result import checked_result
from workflows.engine.expressions.text import to_text

Roots = Mapping[str, Any]
Renderer = Callable[[Roots], Any]
_T = TypeVar("_T")

_CACHE_SIZE = 8192
_ROOT = "|".join(sorted(ROOTS, key=len, reverse=True))
_PLAIN_PATH: Final = re.compile(rf"\s*((?:{_ROOT})(?:\.[A-Za-z_][A-Za-z0-9_]*)+)\s*", re.ASCII)
_PLAIN_OUTPUT: Final = re.compile(rf"\{{\{{{_PLAIN_PATH.pattern}\}}\}}", re.ASCII)
_MARKS = ("{{", "{%", "{#")


@dataclass(frozen=True, slots=True)
class Expression:
    """A bare expression such as ``row.score > 40``. Rendering answers a JSON value.

    ``references`` are the paths it reads as far as they are known before running:
    ``frozenset({("blocks", "a", "x"), ("row", "score")})``.
    """

    source: str
    references: frozenset[Path]
    _render: Renderer = field(repr=False, compare=False)

    def render(self, roots: Roots) -> Any:
        """The value, given the roots it may read. Raises `ExpressionError`.

        A value that is only a path is handed on as it is, whatever its size; a computed one is bounded (W4).
        """
        return _guarded(self._render, self.source, roots)


@dataclass(frozen=True, slots=True)
class Template:
    """A text with ``{{ … }}`` in it. Exactly one ``{{ … }}`` and nothing else keeps its JSON type; otherwise
    the result is text, where null reads as nothing and lists and objects as JSON. What a value contains is
    never expanded again (W6). ``constant`` templates hold no expression at all.
    """

    source: str
    references: frozenset[Path]
    constant: bool
    _render: Renderer = field(repr=False, compare=False)

    def render(self, roots: Roots) -> Any:
        """The value, given the roots it may read. Raises `ExpressionError`."""
        return _guarded(self._render, self.source, roots)


def compile_template(source: str) -> Template:
    """Compile a template once; the same source answers the same object. Raises `ExpressionError`."""
    if not holds_expression(source):
        return Template(source, frozenset(), True, lambda _: source)
    return _compile_template(source)


def compile_expression(source: str) -> Expression:
    """Compile a bare expression once; ``{{ … }}`` around the whole of it is tolerated. Raises `ExpressionError`."""
    return _compile_expression(source)


def holds_expression(text: str) -> bool:
    """Whether ``text`` is more than literal text as a template."""
    return any(mark in text for mark in _MARKS)


@lru_cache(maxsize=_CACHE_SIZE)
def _compile_template(source: str) -> Template:
    references: set[Path] = set()
    parts = _compiling(source, lambda: _template_parts(source, references))
    render = parts[0] if len(parts) == 1 and callable(parts[0]) else _joined(tuple(parts))
    return Template(source, frozenset(references), False, render)


@lru_cache(maxsize=_CACHE_SIZE)
def _compile_expression(source: str) -> Expression:
    references: set[Path] = set()
    render = _compiling(source, lambda: _expression_renderer(_unwrapped(source), references))
    return Expression(source, frozenset(references), render)


def _compiling(source: str, work: Callable[[], _T]) -> _T:
    """Run ``work``, with every way in which it can fail turned into an `ExpressionError`."""
    try:
        if len(source.encode(errors="surrogatepass")) > MAX_SOURCE_BYTES:
            raise EvaluationError("too_long", f"expressions are at most {MAX_SOURCE_BYTES} bytes long")
        return work()
    except EvaluationError as error:
        raise ExpressionError(error.code, error.message, source) from None
    except TemplateSyntaxError as error:
        raise ExpressionError("syntax", error.message or "syntax error", source, error.lineno) from None
    except (RecursionError, MemoryError, SyntaxError, ValueError):
        raise ExpressionError("too_complex", "this expression is too deeply nested", source) from None


def _template_parts(source: str, references: set[Path]) -> list[str | Renderer]:
    plain = _plain_parts(source, references)
    if plain is not None:
        return plain
    parts: list[str | Renderer] = []
    for node in sandbox.parse_template(source):
        if isinstance(node, nodes.TemplateData):
            parts.append(node.data)
        else:
            parts.append(_node_renderer(node, references))
    return parts


def _plain_parts(source: str, references: set[Path]) -> list[str | Renderer] | None:
    """The parts of a template whose expressions are all plain paths, found without a parser; None if not so."""
    pieces = _PLAIN_OUTPUT.split(source)
    literals, paths = pieces[::2], pieces[1::2]
    if any(holds_expression(literal) for literal in literals):
        return None
    parts: list[str | Renderer] = []
    for position, literal in enumerate(literals):
        if literal:
            parts.append(literal)
        if position < len(paths):
            parts.append(_path_renderer(_noted(tuple(paths[position].split(".")), references)))
    return parts


def _expression_renderer(source: str, references: set[Path]) -> Renderer:
    plain = _PLAIN_PATH.fullmatch(source)
    if plain is not None:
        return _path_renderer(_noted(tuple(plain[1].split(".")), references))
    return _node_renderer(sandbox.parse_expression(source), references)


def _unwrapped(source: str) -> str:
    inner = source.strip()
    if inner.startswith("{{") and inner.endswith("}}"):
        return inner[2:-2]
    return source


def _noted(path: Path, references: set[Path]) -> Path:
    references.add(path)
    return path


def _node_renderer(node: nodes.Expr, references: set[Path]) -> Renderer:
    path = static_path(node)
    compiled = sandbox.generate(node, references)
    if path is not None:
        return _path_renderer(path)

    def render(roots: Roots) -> Any:
        evaluation = Evaluation(roots)
        return checked_result(compiled(evaluation), evaluation)

    return render


def _path_renderer(path: Path) -> Renderer:
    """Walk a path with bare subscripts; anything unusual on the way is told apart by the careful `read`."""

    def render(roots: Roots) -> Any:
        value: Any = roots
        try:
            for part in path:
                value = value[part]
        except (KeyError, IndexError, TypeError):
            value = read(roots, path)
        if isinstance(value, Missing):
            fail_missing(value)
        return None if isinstance(value, Skipped) else value

    return render


def _joined(parts: tuple[str | Renderer, ...]) -> Renderer:
    def render(roots: Roots) -> str:
        texts: list[str] = []
        for part in parts:
            value = part if isinstance(part, str) else part(roots)
            texts.append(value if isinstance(value, str) else to_text(Evaluation(roots), value))
        checked_length(sum(map(len, texts)))
        return checked_text("".join(texts))

    return render


def _guarded(render: Renderer, source: str, roots: Roots) -> Any:
    try:
        return render(roots)
    except EvaluationError as error:
        raise ExpressionError(error.code, error.message, source) from None
    except (UndefinedError, SecurityError) as error:
        code = "missing_path" if isinstance(error, UndefinedError) else "not_allowed"
        raise ExpressionError(code, str(error), source) from None
    except (TypeError, ValueError, ArithmeticError, LookupError, RecursionError, MemoryError) as error:
        message = f"this cannot be evaluated ({type(error).__name__})"
        raise ExpressionError("bad_operand", message, source) from None
