"""Keyset pages: `?limit=&after=`, answered by `{results, next, count?}`.

A cursor is the last row's ordering keys, so a page costs the same at any depth and rows that come or
go meanwhile are neither repeated nor skipped. It is opaque to clients but not secret: it names values
they were just shown, and is checked like any other input.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model, Q, QuerySet

from workspaces.errors import Invalid

DEFAULT_LIMIT: Final = 50
LARGEST_LIMIT: Final = 500

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class KeysetPage(Generic[M]):
    """Rows of one page, and the cursor that asks for what follows (`None` at the end)."""

    rows: list[M]
    next: str | None


def keyset_page(
    queryset: QuerySet[M], *, order: Sequence[str], limit: int, after: str | None
) -> KeysetPage[M]:
    """One page of `queryset` in `order`: field names, `-` for descending, the last one unique.

    The fields must not hold NULL (it has no place in a comparison). Raises `Invalid` for a cursor
    that is damaged or belongs to another order.
    """
    if after is not None:
        queryset = queryset.filter(_beyond(order, _decode(queryset.model, order, after)))
    rows = list(queryset.order_by(*order)[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    return KeysetPage(rows, _encode(order, rows[-1]) if more else None)


def limit_of(written: str | None, *, default: int = DEFAULT_LIMIT, largest: int = LARGEST_LIMIT) -> int:
    """The `limit` of a query string. Raises `Invalid` unless it is a whole number from 1 to `largest`."""
    if written is None:
        return default
    if written.isascii() and written.isdigit() and len(written) < 10 and 1 <= int(written) <= largest:
        return int(written)
    raise Invalid(errors={"limit": [f"Give a whole number from 1 to {largest}."]})


def _beyond(order: Sequence[str], keys: Sequence[Any]) -> Q:
    """Strictly after `keys`: past the first one, or level with it and past the second, and so on."""
    beyond = Q()
    level = Q()
    for name, key in zip(order, keys, strict=True):
        field = name.lstrip("-")
        beyond |= level & Q(**{f"{field}__{'lt' if name.startswith('-') else 'gt'}": key})
        level &= Q(**{field: key})
    first = order[0].lstrip("-")
    # Implied by the rest, but the one condition that lets PostgreSQL start in the middle of an index.
    bound = Q(**{f"{first}__{'lte' if order[0].startswith('-') else 'gte'}": keys[0]})
    return bound & beyond


def _encode(order: Sequence[str], row: Model) -> str:
    keys = [getattr(row, name.lstrip("-")) for name in order]
    text = json.dumps([list(order), keys], cls=_CursorEncoder, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(model: type[Model], order: Sequence[str], cursor: str) -> list[Any]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        written_order, keys = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        # Another order, or a key too few, fails here like any other damage.
        pairs = zip(order, written_order, keys, strict=True)
        return [_to_python(model, name, written, key) for name, written, key in pairs]
    except (ValueError, TypeError, RecursionError, binascii.Error, ValidationError) as fault:
        raise Invalid(
            errors={"after": ["This cursor is damaged or belongs to another list. Start without it."]}
        ) from fault


def _to_python(model: type[Model], name: str, written: Any, key: Any) -> Any:
    if name != written or key is None or isinstance(key, list | dict) or "\x00" in str(key):
        raise ValueError("not a key")
    try:
        return model._meta.get_field(name.lstrip("-")).to_python(key)  # type: ignore[union-attr]
    except FieldDoesNotExist:  # an annotation: JSON's own value
        return key


class _CursorEncoder(DjangoJSONEncoder):
    """Instants in full: Django's encoder cuts microseconds, which would repeat a page's last rows."""

    def default(self, o: Any) -> Any:
        return o.isoformat() if hasattr(o, "isoformat") else super().default(o)
