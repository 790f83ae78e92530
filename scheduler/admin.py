"""The back office for triggers, invocations and the scheduler itself: to look at, and to act through the services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.admin import TabularInline

from scheduler.admin_forms import BackfillForm, PlainForm, RunNowForm
from scheduler.errors import words
from scheduler.models import Invocation, SchedulerState, Trigger
from scheduler.services.backfilling import trigger_backfill
from scheduler.services.cancelling import BY_A_PERSON, invocation_cancel, invocations_cancel
from scheduler.services.changing import trigger_disable, trigger_enable
from scheduler.services.leadership import health, scheduler_restart
from scheduler.services.starting import trigger_run
from scheduler.services.triggers import trigger_delete
from scheduler.states import IN_FLIGHT, WAITING
from tables.admin import BigAdmin
from workspaces.admin import ReadOnlyAdmin, actor_of_admin
from workspaces.errors import RunsheetError
from workspaces.services.audit import audit_record
from workspaces.states import Role

CONFIRM = "admin/scheduler/confirm_action.html"
LARGE = ("resolved_payload", "rendered_message", "details", "resolved_ref")


class ConfirmingAdmin(ReadOnlyAdmin):
    """Actions that ask first, and whose refusals become messages."""

    def asked(
        self,
        request: HttpRequest,
        items: QuerySet[Any],
        form_class: type[forms.Form],
        *,
        action: str,
        question: str,
        tell: Callable[[Any], str] = lambda _: "",
    ) -> forms.Form | HttpResponse:
        """The form as it was confirmed, or the page that asks for it; ``tell`` says of each what it comes to."""
        confirmed = "confirmed" in request.POST
        form = form_class(request.POST if confirmed else None)
        if confirmed and form.is_valid():
            return form
        context = {
            **self.admin_site.each_context(request),
            "title": question,
            "question": question,
            "items": [(item, tell(item)) for item in items],
            "action": action,
            "form": form,
            "opts": self.model._meta,
            "media": self.media,
        }
        return TemplateResponse(request, CONFIRM, context)

    def each(self, request: HttpRequest, items: QuerySet[Any], act: Callable[[Any], str]) -> None:
        """Do it to each and say what came of it; one that refuses keeps no other back."""
        for item in items:
            try:
                self.message_user(request, f"{item}: {act(item)}", messages.SUCCESS)
            except RunsheetError as fault:
                self.message_user(request, f"{item}: {words(fault, places=False)}", messages.WARNING)


class InvocationInline(TabularInline):
    """The invocations of a trigger, the newest first, twenty at a time."""

    model = Invocation
    fields = (
        "scheduled_for",
        "source",
        "status",
        "attempt",
        "started_at",
        "completed_at",
        "reason",
        "error_code",
    )
    readonly_fields = fields
    ordering = ("-scheduled_for", "-id")
    per_page = 20
    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Trigger | None = None) -> bool:
        """Invocations are born of triggers."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Trigger | None = None) -> bool:
        """They change by what happens to them."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invocation]:
        """Without large fields."""
        rows: QuerySet[Invocation] = super().get_queryset(request)
        return rows.defer(*LARGE)


@admin.register(Trigger)
class TriggerAdmin(ConfirmingAdmin, BigAdmin):
    """Triggers with their next run and how late it is. They are edited where their faults are shown, not here."""

    list_display = (
        "name",
        "workspace",
        "target",
        "schedule",
        "enabled",
        "next_run_at",
        "lateness",
        "last_status",
        "last_run_at",
        "disabled_reason",
    )
    list_filter = ("enabled", "target_kind", "disabled_reason", "last_status")
    list_select_related = ("workspace", "workflow", "table")
    search_fields = ("name", "=id", "workspace__slug", "workflow__name", "table__name")
    inlines = (InvocationInline,)
    actions: ClassVar = ("enable", "disable", "run_now", "backfill", "cancel_pending", "remove")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Trigger]:
        """Without what the list does not show."""
        rows: QuerySet[Trigger] = super().get_queryset(request)
        return rows.defer("workflow__draft", "table__layout").annotate(seen_at=Now())

    @admin.display(description="target")
    def target(self, trigger: Trigger) -> str:
        """What it starts."""
        return str(trigger.workflow or trigger.table)

    @admin.display(description="schedule")
    def schedule(self, trigger: Trigger) -> str:
        """The cron expression with its zone, or the instant."""
        if trigger.cron_expression:
            return f"{trigger.cron_expression} {trigger.cron_timezone}"
        return f"once, {trigger.run_at:%Y-%m-%d %H:%M:%S} UTC"

    @admin.display(description="lateness")
    def lateness(self, trigger: Trigger) -> str:
        """How long its slot has been due by the database's clock; blank while it lies ahead."""
        seen_at = getattr(trigger, "seen_at", None)
        late = (seen_at - trigger.next_run_at).total_seconds() if seen_at and trigger.next_run_at else 0
        return f"{late:.0f} s" if late > 0 else ""

    @admin.action(description="Enable the selected triggers")
    def enable(self, request: HttpRequest, triggers: QuerySet[Trigger]) -> None:
        """Switch them on; what passed meanwhile is not replayed."""
        actor = actor_of_admin(request)

        def act(trigger: Trigger) -> str:
            trigger_enable(trigger=trigger, actor=actor, membership_role=Role.ADMIN)
            return "enabled."

        self.each(request, triggers, act)

    @admin.action(description="Disable the selected triggers")
    def disable(self, request: HttpRequest, triggers: QuerySet[Trigger]) -> None:
        """Switch them off, and take back what waits of their schedule."""
        actor = actor_of_admin(request)

        def act(trigger: Trigger) -> str:
            trigger_disable(trigger=trigger, actor=actor, membership_role=Role.ADMIN)
            return "disabled."

        self.each(request, triggers, act)

    @admin.action(description="Run the selected triggers now")
    def run_now(self, request: HttpRequest, triggers: QuerySet[Trigger]) -> HttpResponse | None:
        """Start each once, after a question."""
        found = self.asked(
            request, triggers, RunNowForm, action="run_now", question="Run the selected triggers now?"
        )
        if isinstance(found, HttpResponse):
            return found
        actor, force = actor_of_admin(request), found.cleaned_data["force"]

        def act(trigger: Trigger) -> str:
            started = trigger_run(trigger=trigger, actor=actor, membership_role=Role.ADMIN, force=force)
            return f"invocation {started.invocation.pk}."

        self.each(request, triggers, act)
        return None

    @admin.action(description="Backfill the selected triggers")
    def backfill(self, request: HttpRequest, triggers: QuerySet[Trigger]) -> HttpResponse | None:
        """Run slots that have passed, each once."""
        found = self.asked(
            request, triggers, BackfillForm, action="backfill", question="Run slots that have passed?"
        )
        if isinstance(found, HttpResponse):
            return found
        assert isinstance(found, BackfillForm)
        actor, asked = actor_of_admin(request), found.asked()

        def act(trigger: Trigger) -> str:
            done = trigger_backfill(trigger=trigger, actor=actor, membership_role=Role.ADMIN, **asked)
            return (
                f"{len(done.slots)} slots, {len(done.made)} invocations made, {done.existing} there already, "
                f"{done.on_schedule} ran on schedule: {done.count} to run."
            )

        self.each(request, triggers, act)
        return None

    @admin.action(description="Cancel what waits of the selected triggers")
    def cancel_pending(self, request: HttpRequest, triggers: QuerySet[Trigger]) -> HttpResponse | None:
        """End invocations that have not begun, whatever made them; running ones go on."""
        found = self.asked(
            request, triggers, PlainForm, action="cancel_pending", question="Cancel what has not begun?"
        )
        if isinstance(found, HttpResponse):
            return found
        actor = actor_of_admin(request)

        def act(trigger: Trigger) -> str:
            waiting = Invocation.objects.filter(trigger=trigger, status__in=WAITING).order_by("pk")
            cancelled = invocations_cancel(list(waiting.values_list("pk", flat=True)), BY_A_PERSON)
            audit_record(
                workspace_id=trigger.workspace_id,
                actor=actor,
                action="trigger.waiting_cancelled",
                target=trigger,
                after={"invocations": cancelled},
            )
            return f"{cancelled} cancelled."

        self.each(request, triggers, act)
        return None

    @admin.action(description="Delete the selected triggers")
    def remove(self, request: HttpRequest, triggers: QuerySet[Trigger]) -> HttpResponse | None:
        """Delete them with their invocations, after saying how many those are."""
        found = self.asked(
            request,
            triggers,
            PlainForm,
            action="remove",
            question="Delete the selected triggers with their invocations?",
            tell=_going,
        )
        if isinstance(found, HttpResponse):
            return found
        actor = actor_of_admin(request)

        def act(trigger: Trigger) -> str:
            trigger_delete(trigger=trigger, actor=actor, membership_role=Role.ADMIN)
            return "deleted."

        self.each(request, triggers, act)
        return None


def _going(trigger: Trigger) -> str:
    """What is deleted with a trigger."""
    theirs = Invocation.objects.filter(trigger=trigger)
    counts = theirs.aggregate(every=Count("id"), under_way=Count("id", filter=Q(status__in=IN_FLIGHT)))
    return f"{counts['every']:,} invocations, {counts['under_way']:,} of them under way"


@admin.register(Invocation)
class InvocationAdmin(ConfirmingAdmin, BigAdmin):
    """Invocations, the newest first. A status changes only by what happens, or by cancelling."""

    list_display = (
        "id",
        "trigger",
        "source",
        "status",
        "scheduled_for",
        "started_at",
        "completed_at",
        "attempt",
        "reason",
        "error_code",
    )
    list_filter = ("status", "source")
    list_select_related = ("trigger",)
    search_fields = ("=id", "=trigger__id", "trigger__name")
    actions: ClassVar = ("cancel",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invocation]:
        """Without large fields in the list."""
        rows: QuerySet[Invocation] = super().get_queryset(request)
        return rows.defer(*LARGE, "trigger__payload", "trigger__message_template", "trigger__target_options")

    @admin.action(description="Cancel the selected invocations")
    def cancel(self, request: HttpRequest, invocations: QuerySet[Invocation]) -> None:
        """End them and what they started; those that are over are told."""
        actor = actor_of_admin(request)

        def act(invocation: Invocation) -> str:
            invocation_cancel(invocation=invocation, actor=actor)
            return "cancelled."

        self.each(request, invocations, act)


@admin.register(SchedulerState)
class SchedulerStateAdmin(ConfirmingAdmin):
    """Who leads, how the ticks fare, and a way to begin anew."""

    list_display = (
        "epoch",
        "holder",
        "lease_until",
        "last_tick_finished_at",
        "consecutive_failures",
        "max_lateness_ms",
        "previous_holder",
        "total_ticks",
    )
    list_before_template = "admin/scheduler/state_before.html"
    actions: ClassVar = ("restart",)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With how it fares at this moment."""
        shown: HttpResponse = super().changelist_view(request, {**(extra_context or {}), "health": health()})
        return shown

    @admin.action(description="Restart the scheduler")
    def restart(self, request: HttpRequest, states: QuerySet[SchedulerState]) -> HttpResponse | None:
        """A new epoch: beats elect anew, a tick and a sweep go out at once."""
        found = self.asked(
            request,
            states,
            PlainForm,
            action="restart",
            question="Restart the scheduler? Nothing is lost by it.",
        )
        if isinstance(found, HttpResponse):
            return found
        actor = actor_of_admin(request)
        self.each(request, states, lambda _: f"now epoch {scheduler_restart(actor).epoch}.")
        return None
