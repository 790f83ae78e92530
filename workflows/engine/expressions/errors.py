"""What can go wrong with an expression, said in words that name the place (W5)."""

from __future__ import annotations

from workflows.engine.types import BlockError, ErrorClass

_REFERENCE_CODES = frozenset(
    {"missing_path", "unknown_block", "unknown_variable", "unknown_secret", "unknown_name"}
)


class EvaluationError(Exception):
    """A refusal raised inside an evaluation; `render` turns it into an `ExpressionError` with its source."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ExpressionError(Exception):
    """An expression or template cannot be compiled or evaluated.

    ``code`` is stable (``syntax``, ``missing_path``, ``unknown_block``, ``too_expensive``, …), ``position`` is
    the line inside the source, ``block`` and ``field`` are known once the engine said where it stands.
    Messages name types and paths, never values: a value may be a secret.
    """

    def __init__(
        self,
        code: str,
        message: str,
        expression: str,
        position: int | None = None,
        *,
        block: str | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(code, message, expression)
        self.code = code
        self.message = message
        self.expression = expression
        self.position = position
        self.block = block
        self.field = field

    def __str__(self) -> str:
        place = f"{self.block}.{self.field}: " if self.block is not None else ""
        return f"{place}{self.message} (in {_shorten(self.expression)!r})"

    def at(self, block: str, field: str) -> ExpressionError:
        """The same fault, with the block and the field it was met in."""
        return ExpressionError(
            self.code, self.message, self.expression, self.position, block=block, field=field
        )

    def as_block_error(self) -> BlockError:
        """The fault as a step's error: ``reference`` when something named is not there, else ``validation``."""
        error_class = ErrorClass.REFERENCE if self.code in _REFERENCE_CODES else ErrorClass.VALIDATION
        detail = {"block": self.block, "field": self.field, "expression": _shorten(self.expression)}
        return BlockError(
            error_class, self.code, str(self), {k: v for k, v in detail.items() if v is not None}
        )


def _shorten(source: str, limit: int = 200) -> str:
    return source if len(source) <= limit else f"{source[: limit - 1]}…"
