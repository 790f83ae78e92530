"""What is asked before an action of the back office is carried out."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from scheduler.states import OverlapPolicy


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
        label="From", help_text="UTC, e.g. 2026-03-01 00:00.", widget=UnfoldAdminTextInputWidget
    )
    end = forms.DateTimeField(label="To", help_text="UTC; inclusive.", widget=UnfoldAdminTextInputWidget)
    overlap = forms.ChoiceField(
        required=False,
        choices=[("", "as the trigger says"), *((policy.value, policy.value) for policy in OverlapPolicy)],
        widget=UnfoldAdminSelectWidget,
    )
    dry_run = forms.BooleanField(
        required=False, label="Only say how many slots there are", widget=UnfoldBooleanWidget
    )

    def asked(self) -> dict[str, Any]:
        """As the service takes it."""
        data = self.cleaned_data
        overlap = OverlapPolicy(data["overlap"]) if data["overlap"] else None
        return {"start": data["start"], "end": data["end"], "overlap": overlap, "dry_run": data["dry_run"]}
