"""The one expression language: Jinja2 expressions in a bounded sandbox (W4–W6).

    compile_template("Hello {{ row.name }}").render({"row": {"name": "Ada"}})        -> "Hello Ada"
    compile_template("{{ row.tags }}").render({"row": {"tags": ["a"]}})              -> ["a"]
    compile_expression("row.score > 40 and row.email.endswith('.org')").render(...)  -> True

Roots are plain mappings and JSON values. Under ``blocks`` each finished block stands with its output, a skipped
one with `SKIPPED`.
"""

from workflows.engine.expressions.compiled import (
    Expression,
    Template,
    compile_expression,
    compile_template,
    holds_expression,
)
from workflows.engine.expressions.errors import ExpressionError
from workflows.engine.expressions.evaluation import ROOTS, SKIPPED, Path
from workflows.engine.expressions.registry import FILTERS, TESTS

__all__ = [
    "FILTERS",
    "ROOTS",
    "SKIPPED",
    "TESTS",
    "Expression",
    "ExpressionError",
    "Path",
    "Template",
    "compile_expression",
    "compile_template",
    "holds_expression",
]
