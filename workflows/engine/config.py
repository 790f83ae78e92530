"""A block's config, compiled once: which of its strings are templates, and how to resolve them (W4, W5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from workflows.engine.config_fields import annotation_of_field, annotation_of_item, field_items, marker_of
from workflows.engine.expressions import (
    Expression,
    ExpressionError,
    Path,
    Template,
    compile_expression,
    compile_template,
)
from workflows.engine.fields import Marker
from workflows.engine.fields import Template as TemplateMarker
from workflows.engine.types import BlockError, ErrorClass, Fault

Roots = Mapping[str, Any]
Resolver = Callable[[Roots], Any]


@dataclass(frozen=True, slots=True)
class Use:
    """One template or expression of a config: where it stands, what it is, what its field allows."""

    field: str
    compiled: Template | Expression
    marker: Marker


class ConfigCompiler:
    """Walks one config beside its model and gathers a resolver, the uses and the faults."""

    def __init__(self, block: str) -> None:
        self.block = block
        self.uses: list[Use] = []
        self.faults: list[Fault] = []

    def compile(self, annotation: Any, value: Any, field: str) -> Resolver | None:
        """How to resolve ``value``; None when it is the same for every run."""
        marker = marker_of(annotation)
        if marker is not None:
            return self._marked(value, field, marker)
        if isinstance(value, Mapping):
            entries = field_items(annotation, value)
            return _in_mapping(
                {
                    name: (
                        item,
                        self.compile(annotation_of_field(annotation, name, value), item, f"{field}.{name}"),
                    )
                    for name, item in entries.items()
                }
            )
        if isinstance(value, list):
            inner = annotation_of_item(annotation, value)
            return _in_list(
                [(item, self.compile(inner, item, f"{field}[{i}]")) for i, item in enumerate(value)]
            )
        return None

    def _marked(self, value: Any, field: str, marker: Marker) -> Resolver | None:
        """Every string under a marked field, at any depth."""
        if isinstance(value, str):
            return self._use(value, field, marker)
        if isinstance(value, Mapping):
            return _in_mapping(
                {name: (item, self._marked(item, f"{field}.{name}", marker)) for name, item in value.items()}
            )
        if isinstance(value, list):
            return _in_list(
                [(item, self._marked(item, f"{field}[{i}]", marker)) for i, item in enumerate(value)]
            )
        return None

    def _use(self, source: str, field: str, marker: Marker) -> Resolver | None:
        is_template = isinstance(marker, TemplateMarker)
        try:
            compiled = compile_template(source) if is_template else compile_expression(source)
        except ExpressionError as error:
            message = f"{error.message} (in {source[:200]!r})"
            self.faults.append(Fault(self.block, field, "bad_expression", message))
            return None
        if isinstance(compiled, Expression):
            self.uses.append(Use(field, compiled, marker))
            return None
        if compiled.constant:
            return None
        self.uses.append(Use(field, compiled, marker))
        return _template_resolver(compiled, self.block, field)


@dataclass(frozen=True, slots=True)
class CompiledConfig:
    """A config ready to be resolved over and over."""

    raw: Mapping[str, Any]
    model: type[BaseModel]
    uses: tuple[Use, ...]
    resolver: Resolver | None
    constant: BaseModel | None
    """The typed config itself, when it is the same for every run."""

    def resolve(self, roots: Roots) -> dict[str, Any]:
        """The config with every template replaced by its value; expressions stay as their source.

        The answer is fresh at its top level and shares values with ``roots``: treat it as read-only.
        Raises `ExpressionError` naming block and field.
        """
        return dict(self.raw) if self.resolver is None else self.resolver(roots)

    @property
    def references(self) -> frozenset[Path]:
        """Every path that the config's templates and expressions read."""
        return frozenset(path for use in self.uses for path in use.compiled.references)

    def reads(self, roots: Roots) -> dict[str, Any]:
        """What the expressions, which the block evaluates itself, may read: path to value, null if absent.

        Belongs into the input hash beside the resolved config (W24).
        """
        found: dict[str, Any] = {}
        for use in self.uses:
            if isinstance(use.compiled, Expression):
                for path in sorted(use.compiled.references, key=str):
                    found[".".join(map(str, path))] = _value_at(roots, path)
        return found

    def build(self, values: Mapping[str, Any]) -> BaseModel | BlockError:
        """The typed config of resolved ``values``, or the error to fail the step with."""
        if self.constant is not None:
            return self.constant
        try:
            return self.model.model_validate(values)
        except ValidationError as error:
            return config_error(error)


def compile_config(
    block: str, model: type[BaseModel], raw: Mapping[str, Any]
) -> tuple[CompiledConfig, tuple[Fault, ...]]:
    """Compile ``raw`` and check it against ``model``; fields that hold a template are checked once resolved."""
    compiler = ConfigCompiler(block)
    resolver = compiler.compile(model, raw, "config")
    constant: BaseModel | None = None
    try:
        built = model.model_validate(raw)
        constant = built if resolver is None else None
    except ValidationError as error:
        dynamic = [_parts(use.field) for use in compiler.uses if isinstance(use.compiled, Template)]
        compiler.faults += _config_faults(block, error, dynamic)
    return CompiledConfig(raw, model, tuple(compiler.uses), resolver, constant), tuple(compiler.faults)


def config_error(error: ValidationError) -> BlockError:
    """What a person reads when a resolved config does not fit its model; shows no values."""
    faults = {_dotted(item["loc"]) or "config": item["msg"] for item in error.errors(include_url=False)}
    message = "; ".join(f"{place}: {fault}" for place, fault in faults.items())
    return BlockError(ErrorClass.VALIDATION, "config_invalid", message, {"fields": faults})


def _config_faults(block: str, error: ValidationError, dynamic: list[tuple[str, ...]]) -> Iterator[Fault]:
    for item in error.errors(include_url=False, include_context=False):
        place = tuple(map(str, item["loc"]))
        if not any(_leads_through(place, path) for path in dynamic):
            field = f"config.{_dotted(item['loc'])}" if item["loc"] else "config"
            yield Fault(block, field, "bad_config", item["msg"])


def _leads_through(place: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Whether ``path`` is inside ``place`` in order; pydantic slips the names of union arms in between."""
    rest = iter(place)
    return all(part in rest for part in path)


def _parts(field: str) -> tuple[str, ...]:
    return tuple(field.replace("[", ".").replace("]", "").split(".")[1:])


def _dotted(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location))


def _template_resolver(template: Template, block: str, field: str) -> Resolver:
    def resolve(roots: Roots) -> Any:
        try:
            return template.render(roots)
        except ExpressionError as error:
            raise error.at(block, field) from None

    return resolve


def _in_mapping(entries: Mapping[str, tuple[Any, Resolver | None]]) -> Resolver | None:
    dynamic = [(name, resolver) for name, (_, resolver) in entries.items() if resolver is not None]
    if not dynamic:
        return None
    literal = {name: value for name, (value, _) in entries.items()}
    return lambda roots: {**literal, **{name: resolver(roots) for name, resolver in dynamic}}


def _in_list(entries: list[tuple[Any, Resolver | None]]) -> Resolver | None:
    if all(resolver is None for _, resolver in entries):
        return None
    return lambda roots: [value if resolver is None else resolver(roots) for value, resolver in entries]


def _value_at(roots: Roots, path: Path) -> Any:
    value: Any = roots
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value if value is None or isinstance(value, str | int | float | list | dict) else None
