"""What may be written: the syntax tree is checked node by node, then rewritten so that nothing is left to chance.

After rewriting, the tree knows no names and no attributes: paths are read by `read`, methods called by
`call_method`, operators by ours, each with its bounds. Jinja's sandbox stands behind that as a second wall.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from jinja2 import nodes

from workflows.engine.expressions.errors import EvaluationError
from workflows.engine.expressions.evaluation import ROOTS, Path
from workflows.engine.expressions.limits import MAX_NESTING, MAX_NODES, MAX_NUMBER
from workflows.engine.expressions.methods import METHOD_NAMES
from workflows.engine.expressions.registry import FILTERS, TESTS

PATH: Final = ".path"
METHOD: Final = ".method"
SUBSCRIPT: Final = ".subscript"
SLICE: Final = ".slice"
COMPARE: Final = ".compare"
CONCAT: Final = ".concat"
"""Names of the internal functions. No user can write them: a filter's name cannot begin with a dot."""

_NEVER_WHOLE: Final = frozenset({("blocks",), ("secrets",)})
"""What may be read by a written-out name only: what a block depends on is known before it runs (W24)."""


def rewrite(expression: nodes.Expr, references: set[Path]) -> nodes.Expr:
    """The checked tree in its safe form; adds every path it reads to ``references``.

    Raises `EvaluationError` for anything that expressions do not know.
    """
    _check_size(expression)
    return _rewrite(expression, references)


def static_path(node: nodes.Node) -> Path | None:
    """``row.a["b"][0]`` as a path; None when the node is not a plain path."""
    parts: list[str | int] = []
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        part = node.attr if isinstance(node, nodes.Getattr) else _constant_key(node.arg)
        if part is None:
            return None
        parts.append(part)
        node = node.node
    if not isinstance(node, nodes.Name):
        return None
    return (_root_name(node), *reversed(parts))


def _check_size(expression: nodes.Node) -> None:
    """Bound depth and number of nodes without recursion, before anything recurses over the tree."""
    level: list[nodes.Node] = [expression]
    seen = depth = 0
    while level:
        depth += 1
        seen += len(level)
        if depth > MAX_NESTING or seen > MAX_NODES:
            raise EvaluationError("too_complex", "this expression is too long or too deeply nested")
        level = [child for node in level for child in node.iter_child_nodes()]


def _rewrite(node: nodes.Expr, references: set[Path]) -> nodes.Expr:
    path = static_path(node)
    if path is not None:
        return _read_path(path, references)
    rule = _RULES.get(type(node))
    if rule is None:
        raise EvaluationError("not_allowed", f"{type(node).__name__} is not allowed in expressions")
    return rule(node, references)


def _read_path(path: Path, references: set[Path]) -> nodes.Expr:
    if path in _NEVER_WHOLE:
        raise EvaluationError("bad_reference", f"name one of them: {path[0]}.<name>")
    references.add(path)
    return _internal(PATH, nodes.Const(path))


def _getter(node: Any, references: set[Path]) -> nodes.Expr:
    target = node.node
    if isinstance(target, nodes.Name) and (target.name,) in _NEVER_WHOLE:
        raise EvaluationError("bad_reference", f"{target.name}[…] takes a name in quotes, not an expression")
    value = _rewrite(target, references)
    if isinstance(node, nodes.Getattr):
        return _internal(SUBSCRIPT, value, nodes.Const(node.attr))
    if isinstance(node.arg, nodes.Slice):
        bounds = (node.arg.start, node.arg.stop, node.arg.step)
        return _internal(SLICE, value, *(_optional(bound, references) for bound in bounds))
    return _internal(SUBSCRIPT, value, _rewrite(node.arg, references))


def _call(node: Any, references: set[Path]) -> nodes.Expr:
    function = node.node
    if not isinstance(function, nodes.Getattr):
        raise EvaluationError("not_allowed", "only methods of values can be called, like row.name.upper()")
    if function.attr not in METHOD_NAMES:
        raise EvaluationError("unknown_method", f"there is no method {function.attr!r} here")
    if node.kwargs or node.dyn_args or node.dyn_kwargs:
        raise EvaluationError("not_allowed", "methods take their arguments by position only")
    arguments = (_rewrite(argument, references) for argument in node.args)
    return _internal(METHOD, _rewrite(function.node, references), nodes.Const(function.attr), *arguments)


def _filter_or_test(node: Any, references: set[Path]) -> nodes.Expr:
    registry = FILTERS if isinstance(node, nodes.Filter) else TESTS
    if node.name not in registry.functions:
        known = ", ".join(sorted(registry.functions))
        raise EvaluationError(
            f"unknown_{registry.noun}", f"there is no {registry.noun} {node.name!r}; known are {known}"
        )
    if node.node is None or node.dyn_args or node.dyn_kwargs:
        raise EvaluationError("not_allowed", f"the {registry.noun} {node.name!r} cannot be used like this")
    args = [_rewrite(argument, references) for argument in node.args]
    kwargs = [nodes.Keyword(word.key, _rewrite(word.value, references)) for word in node.kwargs]
    rewritten: nodes.Expr = type(node)(_rewrite(node.node, references), node.name, args, kwargs, None, None)
    return rewritten


def _compare(node: Any, references: set[Path]) -> nodes.Expr:
    pairs: list[nodes.Expr] = []
    for operand in node.ops:
        pairs += (nodes.Const(operand.op), _rewrite(operand.expr, references))
    return _internal(COMPARE, _rewrite(node.expr, references), *pairs)


def _concat(node: Any, references: set[Path]) -> nodes.Expr:
    return _internal(CONCAT, *(_rewrite(part, references) for part in node.nodes))


def _constant(node: Any, _: set[Path]) -> nodes.Expr:
    value = node.value
    if isinstance(value, float) and not math.isfinite(value):
        raise EvaluationError("number_out_of_range", "this number is too large")
    if isinstance(value, int) and abs(value) > MAX_NUMBER:
        raise EvaluationError("number_out_of_range", "whole numbers must stay within 63 bits")
    return nodes.Const(value)


def _two_sided(node: Any, references: set[Path]) -> nodes.Expr:
    rewritten: nodes.Expr = type(node)(_rewrite(node.left, references), _rewrite(node.right, references))
    return rewritten


def _one_sided(node: Any, references: set[Path]) -> nodes.Expr:
    rewritten: nodes.Expr = type(node)(_rewrite(node.node, references))
    return rewritten


def _choice(node: Any, references: set[Path]) -> nodes.Expr:
    """``a if b else c``; without an else it is null, not an undefined thing."""
    branches = (_rewrite(node.test, references), _rewrite(node.expr1, references))
    return nodes.CondExpr(*branches, _optional(node.expr2, references))


def _list(node: Any, references: set[Path]) -> nodes.Expr:
    """A list; tuples become lists, since JSON has no tuples."""
    return nodes.List([_rewrite(item, references) for item in node.items])


def _object(node: Any, references: set[Path]) -> nodes.Expr:
    pairs = []
    for pair in node.items:
        if not (isinstance(pair.key, nodes.Const) and isinstance(pair.key.value, str)):
            raise EvaluationError("not_allowed", "keys of an object are written as text in quotes")
        pairs.append(nodes.Pair(pair.key, _rewrite(pair.value, references)))
    return nodes.Dict(pairs)


_RULES: Final[Mapping[type[nodes.Node], Callable[[Any, set[Path]], nodes.Expr]]] = {
    nodes.Const: _constant,
    nodes.Getattr: _getter,
    nodes.Getitem: _getter,
    nodes.Call: _call,
    nodes.Filter: _filter_or_test,
    nodes.Test: _filter_or_test,
    nodes.Compare: _compare,
    nodes.Concat: _concat,
    nodes.CondExpr: _choice,
    nodes.List: _list,
    nodes.Tuple: _list,
    nodes.Dict: _object,
    nodes.Not: _one_sided,
    nodes.Neg: _one_sided,
    nodes.Pos: _one_sided,
    **dict.fromkeys((nodes.And, nodes.Or, nodes.Add, nodes.Sub, nodes.Mul), _two_sided),
    **dict.fromkeys((nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow), _two_sided),
}


def _internal(name: str, value: nodes.Expr, *args: nodes.Expr) -> nodes.Expr:
    return nodes.Filter(value, name, list(args), [], None, None)


def _optional(node: nodes.Expr | None, references: set[Path]) -> nodes.Expr:
    return nodes.Const(None) if node is None else _rewrite(node, references)


def _root_name(node: nodes.Name) -> str:
    if node.name not in ROOTS:
        raise EvaluationError("unknown_name", f"there is no {node.name!r}; names begin with {_known_roots()}")
    return node.name


def _known_roots() -> str:
    return ", ".join(sorted(ROOTS))


def _constant_key(node: nodes.Expr) -> str | int | None:
    sign = 1
    if isinstance(node, nodes.Neg):
        sign, node = -1, node.node
    if not isinstance(node, nodes.Const) or isinstance(node.value, bool):
        return None
    if isinstance(node.value, int) and abs(node.value) <= MAX_NUMBER:
        return sign * node.value
    return node.value if isinstance(node.value, str) and sign == 1 else None
