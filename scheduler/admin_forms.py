"""What is asked before an action of the back office is carried out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from scheduler.engine.years import year_fault
from scheduler.states import OverlapPolicy


def year_check(at: datetime) -> None:
    """Refuse an instant that no slot can have."""
    if (fault := year_fault(at)) is not None:
        raise ValidationError(fault)


class PlainForm(forms.Form):
    """Nothing but the question itself."""


class RunNowForm(forms.Form):
    """Whether to start beside one that is under way."""

    force = forms.BooleanField(
        required=False,
        label="Start even if an earlier invocation is under way",
        widget=UnfoldBooleanWidget,
    )


class BackfillForm(forms.Form):
    """Which slots that have passed, in UTC."""

    start = forms.DateTimeField(
        label="From",
        help_text="UTC, e.g. 2026-03-01 00:00.",
        widget=UnfoldAdminTextInputWidget,
        validators=[year_check],
    )
    end = forms.DateTimeField(
        label="To", help_text="UTC; inclusive.", widget=UnfoldAdminTextInputWidget, validators=[year_check]
    )
    overlap = forms.ChoiceField(
        required=False,
        choices=[("", "as the trigger says"), *((policy.value, policy.value) for policy in OverlapPolicy)],
        widget=UnfoldAdminSelectWidget,
    )
    only_missed = forms.BooleanField(
        required=False,
        label="Only slots that did not run on schedule",
        initial=True,
        widget=UnfoldBooleanWidget,
    )
    dry_run = forms.BooleanField(
        required=False, label="Only say how many slots there are", widget=UnfoldBooleanWidget
    )

    def asked(self) -> dict[str, Any]:
        """As the service takes it."""
        data = self.cleaned_data
        overlap = OverlapPolicy(data["overlap"]) if data["overlap"] else None
        return {
            **{name: data[name] for name in ("start", "end", "only_missed", "dry_run")},
            "overlap": overlap,
        }
