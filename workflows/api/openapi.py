"""Block configs in the OpenAPI document: a component per type, told apart in a definition by ``type`` (W3).

``Definition`` → ``DefinitionBlock`` (one of, by ``type``) → ``DefinitionBlock_http`` → ``BlockConfig_http``. Types come
from the registry, so those of the install's own packages are there too.
"""

from __future__ import annotations

from typing import Any, Final

from workflows.blocks.base import Block
from workflows.blocks.registry import block_types
from workflows.engine.config_schema import written_schema
from workflows.engine.definition import (
    MAX_BLOCKS,
    MAX_EDGES,
    MAX_HANDLE_LENGTH,
    MAX_NAME_LENGTH,
    MAX_TIMEOUT_SECONDS,
)
from workflows.engine.names import BLOCK_KEY
from workflows.engine.policies import MAX_ATTEMPTS, MAX_DELAY_SECONDS, NEVER_RETRIED
from workflows.engine.types import Backoff, ErrorClass, UnknownOutcome

_COMPONENTS: Final = "#/components/schemas/"


def blocks_described(result: dict[str, Any], **_others: Any) -> dict[str, Any]:
    """drf-spectacular's hook: add the block types to a document that offers them."""
    if any(path.endswith("/blocks/") for path in result["paths"]):
        result["components"]["schemas"].update(definition_components())
    return result


def definition_components() -> dict[str, Any]:
    """The components of a definition, with one config for each registered type."""
    found: dict[str, Any] = {"Definition": _definition(), "DefinitionRetry": _retry()}
    mapping = {}
    for name, block in sorted(block_types().items()):
        found.update(_config(block))
        found[f"DefinitionBlock_{name}"] = _block(block)
        mapping[name] = f"{_COMPONENTS}DefinitionBlock_{name}"
    found["DefinitionBlock"] = {
        "oneOf": [{"$ref": reference} for reference in mapping.values()],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
    return found


def _config(block: Block[Any]) -> dict[str, Any]:
    """The config's own component, and one for each model in it."""
    prefix = f"BlockConfig_{block.name}"
    schema = written_schema(block.config_model, ref_template=f"{_COMPONENTS}{prefix}_{{model}}")
    parts = schema.pop("$defs", {})
    return {prefix: schema, **{f"{prefix}_{name}": part for name, part in parts.items()}}


def _block(block: Block[Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "title": block.title,
        "description": block.docs,
        "properties": {
            "key": {"type": "string", "pattern": f"^{BLOCK_KEY.pattern}$"},
            "type": {"const": block.name},
            "name": {"type": "string", "maxLength": MAX_NAME_LENGTH},
            "config": {"$ref": f"{_COMPONENTS}BlockConfig_{block.name}"},
            "retry": {"anyOf": [{"$ref": f"{_COMPONENTS}DefinitionRetry"}, {"type": "null"}]},
            "timeout_seconds": {
                "type": ["number", "null"],
                "exclusiveMinimum": 0,
                "maximum": MAX_TIMEOUT_SECONDS,
                "default": block.default_timeout_seconds,
            },
            "enabled": {"type": "boolean", "default": True},
            "position": {"description": "Where an editor draws it; means nothing else."},
            "parent": {"type": ["string", "null"], "description": "The container it is in."},
        },
        "required": ["key", "type", *(["config"] if _needs_config(block) else [])],
        "additionalProperties": False,
    }


def _needs_config(block: Block[Any]) -> bool:
    return any(field.is_required() for field in block.config_model.model_fields.values())


def _definition() -> dict[str, Any]:
    edge = {
        "type": "object",
        "properties": {
            "from": {"type": "string", "maxLength": MAX_HANDLE_LENGTH},
            "handle": {"type": "string", "maxLength": MAX_HANDLE_LENGTH, "default": "source"},
            "to": {"type": "string", "maxLength": MAX_HANDLE_LENGTH},
        },
        "required": ["from", "to"],
        "additionalProperties": False,
    }
    blocks = {"type": "array", "maxItems": MAX_BLOCKS, "items": {"$ref": f"{_COMPONENTS}DefinitionBlock"}}
    return {
        "type": "object",
        "description": "Blocks and the edges between them. A draft may break these rules: it is saved, and its faults "
        "are told.",
        "properties": {"blocks": blocks, "edges": {"type": "array", "maxItems": MAX_EDGES, "items": edge}},
        "required": ["blocks"],
        "additionalProperties": False,
    }


def _retry() -> dict[str, Any]:
    classes = [str(error_class) for error_class in ErrorClass if error_class not in NEVER_RETRIED]
    seconds = {"type": "number", "minimum": 0, "maximum": MAX_DELAY_SECONDS}
    return {
        "type": "object",
        "properties": {
            "max_attempts": {"type": "integer", "minimum": 1, "maximum": MAX_ATTEMPTS},
            "kind": {"enum": [str(kind) for kind in Backoff]},
            "delay_seconds": seconds,
            "cap_seconds": seconds,
            "jitter": {"type": "number", "minimum": 0, "maximum": 1},
            "retry_on": {"type": "array", "items": {"enum": classes}},
            "on_unknown": {"enum": [str(outcome) for outcome in UnknownOutcome]},
        },
        "additionalProperties": False,
    }
