"""`validate`: check a value by a JSON schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, Field

from workflows.blocks.base import Block, BlockConfig, BlockContext, BlockFailed, BlockResult, Example
from workflows.blocks.json_schema import SchemaInvalid, TooLong, check_schema, schema_errors
from workflows.blocks.registry import register
from workflows.engine.fields import Template
from workflows.engine.types import ErrorClass

MOST_SECONDS: Final = 2.0
VALID: Final = "valid"
INVALID: Final = "invalid"


def _is_schema(schema: dict[str, Any]) -> dict[str, Any]:
    check_schema(schema)
    return schema


class ValidateConfig(BlockConfig):
    """``schema`` is a JSON schema (draft 2020-12) as it is written: it holds no templates."""

    value: Annotated[Any, Template()]
    rules: Annotated[dict[str, Any], AfterValidator(_is_schema), Field(alias="schema")]


@register
class Validate(Block[ValidateConfig]):
    """Checks a value by a JSON schema, and goes on by ``valid`` or ``invalid``.

    The output names the first 50 errors, each with its path (``$.items[0].name``). References lead within the schema
    (``#/$defs/…``): nothing is fetched. Patterns know no look-around and no back-references. Checked formats are email,
    date, time, date-time, uuid, uri, ipv4 and ipv6.
    """

    name = "validate"
    title = "Validate"
    config_model = ValidateConfig
    default_timeout_seconds = MOST_SECONDS
    output_schema: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {
            "valid": {"type": "boolean"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"path": {"type": "string"}, "message": {"type": "string"}},
                    "required": ["path", "message"],
                },
            },
            "value": {},
        },
        "required": ["valid", "errors", "value"],
    }
    example = Example(
        config={
            "value": "{{ input.order }}",
            "schema": {
                "type": "object",
                "properties": {"seats": {"type": "integer", "minimum": 1}},
                "required": ["seats"],
            },
        },
        input={"order": {"seats": 0}},
        output={
            "valid": False,
            "errors": [{"path": "$.seats", "message": "0 is less than the minimum of 1"}],
            "value": {"seats": 0},
        },
        handle=INVALID,
    )

    def handles(self, config: Mapping[str, Any]) -> frozenset[str]:
        """Two ports, whatever the schema."""
        return frozenset({VALID, INVALID})

    def run(self, context: BlockContext, config: ValidateConfig) -> BlockResult:
        """Validate within the time; the value itself passes on unchanged."""
        left = context.remaining_seconds()
        seconds = MOST_SECONDS if left is None else min(left, MOST_SECONDS)
        try:
            errors = schema_errors(config.rules, config.value, seconds)
        except SchemaInvalid as error:
            raise BlockFailed.because(ErrorClass.VALIDATION, "schema_invalid", str(error)) from None
        except TooLong:
            message = "Validating took too long; make the schema or the value smaller."
            raise BlockFailed.because(ErrorClass.TIMEOUT, "timeout", message) from None
        output = {"valid": not errors, "errors": errors, "value": config.value}
        return BlockResult(output, handle=INVALID if errors else VALID)
