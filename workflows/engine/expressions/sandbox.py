"""Jinja2's immutable sandbox, emptied of everything an expression does not need (W4).

No globals, no tags, no attributes, only our filters and tests, every operator ours. The code it generates
receives an `Evaluation` instead of Jinja's own context.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from jinja2 import nodes, pass_context
from jinja2.environment import Template as JinjaTemplate
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from workflows.engine.expressions import (  # registering the functions is why they are imported
    filters_data,
    filters_dates,
    filters_lists,
    filters_numbers,
    filters_text,
    grammar,
    predicates,
)
from workflows.engine.expressions.errors import EvaluationError
from workflows.engine.expressions.evaluation import Evaluation, Missing, Path, read
from workflows.engine.expressions.methods import call_method
from workflows.engine.expressions.operators import binary, compare, concatenate, cut, subscript, unary
from workflows.engine.expressions.registry import FILTERS, TESTS

FUNCTION_MODULES = (filters_data, filters_dates, filters_lists, filters_numbers, filters_text, predicates)

Compiled = Callable[[Evaluation], Any]
"""Compiled code of one expression; answers the raw value, perhaps `Missing`."""

_RESULT = "result"


class Sandbox(ImmutableSandboxedEnvironment):
    """The one environment of all expressions and templates."""

    intercepted_binops = frozenset({"//", "%", "+", "*", "-", "/", "**"})
    intercepted_unops = frozenset({"+", "-"})

    def __init__(self) -> None:
        super().__init__(undefined=Missing, optimized=False, keep_trailing_newline=True, cache_size=0)
        self.globals.clear()
        self.filters = {**FILTERS.functions, **_INTERNAL}
        self.tests = dict(TESTS.functions)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Every binary operator goes through our bounds."""
        return binary(context, operator, left, right)

    def call_unop(self, context: Any, operator: str, arg: Any) -> Any:
        """Every unary operator goes through our bounds."""
        return unary(operator, arg)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Never: rewritten expressions read no attributes."""
        return False

    def is_safe_callable(self, obj: Any) -> bool:
        """Never: rewritten expressions call nothing but filters."""
        return False

    def getattr(self, obj: Any, attribute: str) -> NoReturn:
        """Never reached; a wall behind the wall."""
        raise EvaluationError("not_allowed", "attributes cannot be read")

    def getitem(self, obj: Any, argument: Any) -> NoReturn:
        """Never reached; a wall behind the wall."""
        raise EvaluationError("not_allowed", "items are read by the rewritten form only")


@pass_context
def _read(evaluation: Evaluation, path: Path) -> Any:
    evaluation.spend(1)
    return read(evaluation.roots, path)


_INTERNAL: dict[str, Callable[..., Any]] = {
    grammar.PATH: _read,
    grammar.METHOD: pass_context(call_method),
    grammar.SUBSCRIPT: pass_context(subscript),
    grammar.SLICE: pass_context(cut),
    grammar.COMPARE: pass_context(compare),
    grammar.CONCAT: pass_context(concatenate),
}

SANDBOX = Sandbox()


def parse_expression(source: str) -> nodes.Expr:
    """The syntax tree of a bare expression; raises Jinja's `TemplateSyntaxError`."""
    parser = Parser(SANDBOX, source, state="variable")
    expression = parser.parse_expression()
    if not parser.stream.eos:
        parser.fail("something follows the end of the expression")
    return expression


def parse_template(source: str) -> list[nodes.Expr]:
    """The parts of a template, texts as `TemplateData`; refuses tags and comments."""
    for _, token, _ in SANDBOX.lex(source):
        if token in ("block_begin", "comment_begin", "raw_begin"):
            raise EvaluationError(
                "not_allowed",
                "only {{ … }} is allowed; {% … %} and {# … #} are not (for a literal one write {{ '{%' }})",
            )
    outputs = SANDBOX.parse(source).body
    return [part for output in outputs if isinstance(output, nodes.Output) for part in output.nodes]


def generate(expression: nodes.Expr, references: set[Path]) -> Compiled:
    """Compile one parsed expression, after it was checked and rewritten."""
    safe = grammar.rewrite(expression, references)
    assignment = nodes.Assign(nodes.Name(_RESULT, "store"), safe, lineno=1)
    template = nodes.Template([assignment], lineno=1)
    for node in template.find_all(nodes.Node):
        node.lineno = 1
    template.set_environment(SANDBOX)
    code = SANDBOX.compile(template)
    root: Any = JinjaTemplate.from_code(SANDBOX, code, {}).root_render_func

    def run(evaluation: Evaluation) -> Any:
        for _ in root(evaluation):
            raise AssertionError("an expression writes nothing")
        return evaluation.vars[_RESULT]

    return run
