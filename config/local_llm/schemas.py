"""An answer that keeps to a JSON schema, its values looked for in a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from config.local_llm import tickets

Schema = Mapping[str, Any]
Finder = Callable[[str], str | None]

MOST_DEPTH: Final = 20


def _matched(pattern: Any) -> Finder:
    def find(text: str) -> str | None:
        found = pattern.search(text)
        return None if found is None else str(found[0])

    return find


_FORMATS: Final[Mapping[str, Finder]] = {
    "email": _matched(tickets.EMAIL),
    "date": _matched(tickets.DATE),
    "uri": _matched(tickets.URL),
}
_NAMES: Final[tuple[tuple[tuple[str, ...], Finder], ...]] = (
    (("email", "mail"), _matched(tickets.EMAIL)),
    (("phone", "telephone"), _matched(tickets.PHONE)),
    (("date", "day"), _matched(tickets.DATE)),
    (("url", "link"), _matched(tickets.URL)),
    (("order", "invoice", "number", "ticket", "reference"), tickets.order_number),
    (("reply", "draft", "response", "answer"), tickets.drafted),
    (("subject", "title", "topic", "summary", "reason"), tickets.subject),
)
_STAND_INS: Final[Mapping[str, str]] = {
    "email": "nobody@example.org",
    "date": "2000-01-01",
    "date-time": "2000-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "uri": "https://example.org/",
    "uuid": "00000000-0000-0000-0000-000000000000",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}


class Filler:
    """Fills one schema from one text. ``described`` says what labels mean."""

    def __init__(self, root: Schema, text: str, described: Mapping[str, str]) -> None:
        """``root`` holds the definitions that references lead to."""
        self.root, self.text, self.described = root, text, described
        self.confidence = 0.5

    def fill(self, schema: Any, name: str = "", depth: int = 0) -> Any:
        """A value that fits ``schema``, which stands under ``name``."""
        schema = self._plain(schema)
        if "const" in schema:
            return schema["const"]
        if isinstance(schema.get("enum"), list):
            return self._chosen(schema["enum"])
        kind, optional = _kind(schema)
        if kind == "object" or "properties" in schema:
            return self._object(schema, depth)
        if kind == "array":
            least = int(schema.get("minItems", 0))
            return [self.fill(schema.get("items", {}), name, depth + 1) for _ in range(min(least, 100))]
        found = self._found(kind, schema, name.lower())
        if found is not None or (optional and found is None):
            return found
        return self._stand_in(kind, schema)

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        needed = schema.get("required", [])
        names = properties if depth < MOST_DEPTH else needed
        return {name: self.fill(properties.get(name, {}), name, depth + 1) for name in names}

    def _plain(self, schema: Any) -> Schema:
        """The schema itself, for a reference to it, or a choice of several."""
        for _ in range(MOST_DEPTH):
            if not isinstance(schema, dict):
                return {}
            if "$ref" in schema:
                place = str(schema["$ref"]).removeprefix("#/").split("/")
                schema = self.root if place == ["#"] else _at(self.root, place)
                continue
            arms = schema.get("anyOf") or schema.get("oneOf")
            if not arms:
                return schema
            schema = next((arm for arm in arms if arm.get("type") != "null"), arms[0])
        return {}

    def _chosen(self, choices: list[Any]) -> Any:
        labels = [choice for choice in choices if isinstance(choice, str)]
        label, self.confidence = tickets.chosen(labels, self.text, self.described)
        if label is None:
            return None if None in choices else choices[-1]
        return label

    def _found(self, kind: str, schema: Schema, name: str) -> Any:
        """What the text says to a field of this name, or None."""
        if kind in {"number", "integer"}:
            number = self._number(kind, name)
            fits = number is None or schema.get("minimum", number) <= number <= schema.get("maximum", number)
            return number if fits else None
        if kind == "boolean":
            return any(tickets.chosen([word], self.text, {})[0] for word in name.split("_") if word)
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]](self.text)
        for words, find in _NAMES:
            if any(word in name for word in words):
                return find(self.text)
        return None

    def _number(self, kind: str, name: str) -> float | int | None:
        if "confidence" in name or "probability" in name:
            return self.confidence
        found = tickets.amount(self.text)
        if found is None or not any(
            word in name for word in ("amount", "price", "total", "cost", "sum", "value")
        ):
            number = tickets.NUMBER.search(self.text)
            found = found if number is None else float(number[0])
        return int(found) if found is not None and kind == "integer" else found

    def _stand_in(self, kind: str, schema: Schema) -> Any:
        """A value of the type, where the text says nothing and something must be said."""
        if kind in {"number", "integer"}:
            return schema.get("minimum", 0)
        if kind == "boolean":
            return False
        if kind == "null":
            return None
        text = _STAND_INS.get(str(schema.get("format")), tickets.first_sentence(self.text))
        return text[: schema.get("maxLength", len(text))].ljust(schema.get("minLength", 0), ".")


def _kind(schema: Schema) -> tuple[str, bool]:
    """The type, and whether null would do as well."""
    kind = schema.get("type", "string")
    kinds = kind if isinstance(kind, list) else [kind]
    return next((str(one) for one in kinds if one != "null"), "null"), "null" in kinds


def _at(root: Schema, place: list[str]) -> Any:
    found: Any = root
    for part in place:
        found = found.get(part, {}) if isinstance(found, dict) else {}
    return found
