"""Domain errors say what happened by their docstring, and keep what they were given."""

from workspaces.errors import Conflict, LastAdmin, RunsheetError


class Unsaid(Conflict):
    code = "unsaid"


def test_the_docstring_is_the_default_detail() -> None:
    assert LastAdmin().detail == "A workspace needs at least one admin. Make someone else admin first."


def test_a_subclass_without_docstring_speaks_like_its_kind() -> None:
    assert Unsaid().detail == Conflict().detail


def test_detail_field_errors_and_extra_are_kept() -> None:
    fault = RunsheetError("Too wide.", errors={"columns.3": ["One too many."]}, limit=3)
    assert (str(fault), fault.errors, fault.extra) == (
        "Too wide.",
        {"columns.3": ["One too many."]},
        {"limit": 3},
    )
