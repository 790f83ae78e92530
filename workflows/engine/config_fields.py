"""Which marker stands on which part of a pydantic model, read from its annotations beside a given value."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from workflows.engine.expressions import holds_expression
from workflows.engine.fields import Expression, Marker, Template


def marker_of(annotation: Any) -> Marker | None:
    """The marker on ``annotation`` itself, or on the text among the arms of an optional or union."""
    for part in get_args(annotation)[1:] if get_origin(annotation) is Annotated else ():
        if isinstance(part, Template | Expression):
            return part
    if _is_union(annotation):
        markers = (marker_of(arm) for arm in get_args(annotation))
        return next((marker for marker in markers if marker is not None), None)
    return None


def field_items(annotation: Any, value: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of ``value``, and those defaults of its model that are templates to be resolved as well."""
    model = _model_for(annotation, value)
    if model is None:
        return dict(value)
    defaults = {
        info.alias or name: info.default for name, info in model.model_fields.items() if _is_template(info)
    }
    return {**defaults, **value}


def annotation_of_field(annotation: Any, name: str, value: Mapping[str, Any]) -> Any:
    """The annotation of the entry ``name`` of an object that ``annotation`` describes."""
    model = _model_for(annotation, value)
    if model is not None:
        info = _field(model, name)
        return None if info is None else _with_metadata(info)
    for arm in _arms(annotation):
        args = get_args(arm)
        if _is_class(get_origin(arm), Mapping) and len(args) == 2:
            return args[1]
    return None


def annotation_of_item(annotation: Any, value: list[Any]) -> Any:
    """The annotation of the items of a list that ``annotation`` describes."""
    for arm in _arms(annotation):
        args = get_args(arm)
        if args and _is_class(get_origin(arm), (list, tuple, set, frozenset)):
            return args[0]
    return None


def _model_for(annotation: Any, value: Mapping[str, Any]) -> type[BaseModel] | None:
    """The model that ``value`` is meant for: of a union, the one whose literal fields agree with it."""
    models = [arm for arm in _arms(annotation) if _is_class(arm, BaseModel)]
    fitting = [model for model in models if _literals_agree(model, value)]
    return next(iter(fitting or models), None)


def _arms(annotation: Any) -> list[Any]:
    """The alternatives of an annotation, with `Annotated` and nested unions taken apart."""
    if get_origin(annotation) is Annotated:
        return _arms(get_args(annotation)[0])
    if _is_union(annotation):
        return [arm for part in get_args(annotation) if part is not NoneType for arm in _arms(part)]
    return [annotation]


def _literals_agree(model: type[BaseModel], value: Mapping[str, Any]) -> bool:
    for name, info in model.model_fields.items():
        if get_origin(info.annotation) is Literal:
            given = value.get(info.alias or name, info.default)
            if given not in get_args(info.annotation):
                return False
    return True


def _field(model: type[BaseModel], name: str) -> FieldInfo | None:
    if name in model.model_fields:
        return model.model_fields[name]
    return next((info for info in model.model_fields.values() if info.alias == name), None)


def _with_metadata(info: FieldInfo) -> Any:
    """A field's annotation with its metadata put back, which pydantic keeps apart."""
    annotation: Any = info.annotation
    for extra in info.metadata:
        annotation = Annotated[annotation, extra]
    return annotation


def _is_template(info: FieldInfo) -> bool:
    default = info.default
    if default is PydanticUndefined or not isinstance(default, str) or not holds_expression(default):
        return False
    return isinstance(marker_of(_with_metadata(info)), Template)


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, UnionType)


def _is_class(candidate: Any, base: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, base)
