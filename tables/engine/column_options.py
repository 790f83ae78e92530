"""The options of columns: what each may say, and what is left of them when a column changes its type (T6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tables.engine.coercion import COLUMN_TYPES
from tables.engine.formats import DATE_FORMATS
from tables.errors import ValueInvalid

MAX_CHOICES: Final = 500
MAX_CHOICE_LENGTH: Final = 200
MAX_DECIMALS: Final = 10
COLOURS: Final = ("grey", "red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "brown")
"""Names, not codes: each theme of the grid has its own shade of them."""


def check_options(type_name: str, options: Any) -> dict[str, Any]:
    """The options of a column of this type, checked; raises ``ValueInvalid``.

    ``choices``: distinct non-empty texts. ``colours``: ``{choice: colour}``. ``currency``: a three-letter code.
    ``decimals``: 0 to 10. ``date_format``: one of ``DATE_FORMATS``. ``long``: whether text is edited in a big field.
    """
    if not isinstance(options, Mapping):
        raise ValueInvalid("Give the options as an object.")
    allowed = COLUMN_TYPES[type_name].option_names
    unknown = sorted(set(options) - set(allowed))
    if unknown:
        known = f"It takes: {', '.join(allowed)}." if allowed else "It takes none."
        raise ValueInvalid(f"A {type_name} column has no option “{unknown[0]}”. {known}")
    for name, value in options.items():
        fits, hint = _CHECKS[name]
        if not fits(value):
            raise ValueInvalid(f"The option “{name}” is not valid. {hint}")
    strange = sorted(set(options.get("colours", ())) - set(options.get("choices", ())))
    if strange:
        raise ValueInvalid(f"The option “colours” names “{strange[0]}”, which is no choice of this column.")
    return dict(options)


def options_kept(type_name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Those options of a column that mean something for the type it changes to."""
    return {name: value for name, value in options.items() if name in COLUMN_TYPES[type_name].option_names}


def options_renamed(options: Mapping[str, Any], renamed: Mapping[str, str]) -> dict[str, Any]:
    """The options once these choices are called otherwise; two that get one name become one."""
    choices = dict.fromkeys(renamed.get(choice, choice) for choice in options.get("choices", ()))
    colours = {renamed.get(choice, choice): colour for choice, colour in options.get("colours", {}).items()}
    kept = {**options, "choices": list(choices)}
    return {**kept, "colours": colours} if "colours" in options else kept


def _are_choices(choices: Any) -> bool:
    return (
        isinstance(choices, list)
        and len(choices) <= MAX_CHOICES
        and all(isinstance(choice, str) and _is_choice(choice) for choice in choices)
        and len(set(choices)) == len(choices)
    )


def _is_choice(choice: str) -> bool:
    return (
        choice == choice.strip()
        and 0 < len(choice) <= MAX_CHOICE_LENGTH
        and "," not in choice
        and choice.isprintable()
    )


def _are_colours(colours: Any) -> bool:
    return isinstance(colours, dict) and all(colour in COLOURS for colour in colours.values())


def _is_currency(code: Any) -> bool:
    return isinstance(code, str) and len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()


def _is_decimals(count: Any) -> bool:
    return type(count) is int and 0 <= count <= MAX_DECIMALS


_CHECKS: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "choices": (
        _are_choices,
        f"Give up to {MAX_CHOICES} different texts of at most {MAX_CHOICE_LENGTH} characters, without commas.",
    ),
    "colours": (_are_colours, f"Give an object of choice and colour, one of: {', '.join(COLOURS)}."),
    "currency": (_is_currency, "Give a three-letter code such as EUR."),
    "decimals": (_is_decimals, f"Give a whole number from 0 to {MAX_DECIMALS}."),
    "date_format": (
        lambda name: isinstance(name, str) and name in DATE_FORMATS,
        f"Give one of: {', '.join(DATE_FORMATS)}.",
    ),
    "long": (lambda flag: isinstance(flag, bool), "Give true or false."),
}
