"""The base of every serializer: unknown fields are refused by name, instants are UTC with `Z`."""

import datetime as dt
import difflib
from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

UNKNOWN = "Unknown field."


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer that takes no field it does not know, and says which it may have been.

    Read-only fields count as unknown on input: silently ignoring them would promise a change that
    never happens. Nesting works as usual; the error's path names the inner field.
    """

    def to_internal_value(self, data: Any) -> Any:
        """Validate; raises `ValidationError` with every unknown and every faulty field at once."""
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        unknown = {str(name): [self._hint(str(name))] for name in data if name not in self._writable_names()}
        if not unknown:
            return super().to_internal_value(data)
        try:
            super().to_internal_value(data)
        except serializers.ValidationError as fault:
            if isinstance(fault.detail, dict):
                raise serializers.ValidationError({**unknown, **fault.detail}) from fault
        raise serializers.ValidationError(unknown)

    def _writable_names(self) -> list[str]:
        return [field.field_name or "" for field in self._writable_fields]

    def _hint(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._writable_names(), n=1)
        return f"{UNKNOWN} Did you mean {near[0]}?" if near else UNKNOWN


class UtcDateTimeField(serializers.DateTimeField):
    """An instant: read in any offset (none means UTC), written in UTC with `Z`."""

    def __init__(self, **kwargs: Any) -> None:
        """As DRF's, with the zone fixed whatever zone the process has active."""
        super().__init__(default_timezone=dt.UTC, **kwargs)


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457: what every error looks like. Some problems carry further members."""

    type = serializers.CharField(help_text="A URN naming the code.")
    title = serializers.CharField(help_text="The HTTP status in words.")
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="Stable; what programs compare.")
    detail = serializers.CharField(help_text="One sentence for people.")
    errors = serializers.DictField(  # type: ignore[assignment]  # the member's name in RFC 9457 examples and ours
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="Messages by dotted field path.",
    )
