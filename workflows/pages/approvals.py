"""`/approvals/`: what runs ask the people of a workspace, with the form to answer in place (W20)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.generic.base import TemplateView

from workflows.errors import PauseAnswered, PauseAnswerInvalid, PauseGone
from workflows.models import PausePoint
from workflows.pages.answer_form import (
    WORDS,
    ShownQuestion,
    answer_posted,
    answer_shown,
    question_shown,
)
from workflows.selectors import approvals_of, runs_of
from workflows.services.pauses import pause_answer
from workflows.states import PauseStatus, RunStatus
from workspaces.models import User
from workspaces.pages.access import WorkspacePageMixin, actor_of
from workspaces.states import Role

SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Item:
    """One open question, and its form as it stands."""

    pause: PausePoint
    question: ShownQuestion


class ApprovalsPage(WorkspacePageMixin, TemplateView):
    """The inbox. Every member may look; editors answer. Four queries whatever the number of questions."""

    template_name = "runsheet/approvals.html"

    def post(self, request: HttpRequest) -> HttpResponse:
        """Answer one question; its faults are shown beside its fields, with what was typed."""
        if not self._may_answer():
            raise PermissionDenied
        pause = self._pause_posted()
        try:
            pause_answer(
                pause_id=pause.pk,
                data=answer_posted(pause, request.POST),
                by=_by(request),
                actor=actor_of(request),
            )
        except PauseAnswerInvalid as fault:
            shown = question_shown(pause, request.POST, fault.errors)
            return self.render_to_response(self.get_context_data(faulty={pause.pk: shown}), status=400)
        except PauseAnswered as fault:
            pause.refresh_from_db()
            first = answer_shown(pause)
            told = f"{fault.detail} It was: {first.word.lower()}, by {first.by}."
            return self.render_to_response(self.get_context_data(fault=told), status=409)
        except PauseGone as fault:
            return self.render_to_response(self.get_context_data(fault=fault.detail), status=410)
        place = urlencode({"workspace": str(self.workspace.pk), "answered": str(pause.pk)})
        return HttpResponseRedirect(f"{reverse('approvals-page')}?{place}")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the open questions, the newest first, and the runs that need a decision of another kind."""
        faulty: dict[UUID, ShownQuestion] = kwargs.pop("faulty", {})
        asked = approvals_of(self.workspace.pk).filter(status=PauseStatus.OPEN)
        found = list(asked.order_by("-id")[: SHOWN + 1])
        undecided = runs_of(self.workspace.pk).filter(status=RunStatus.NEEDS_DECISION)
        return super().get_context_data(
            section="approvals",
            items=[Item(pause, faulty.get(pause.pk) or question_shown(pause)) for pause in found[:SHOWN]],
            more=len(found) > SHOWN,
            undecided=undecided.select_related("workflow").defer("workflow__draft").order_by("-id")[:SHOWN],
            may_answer=self._may_answer(),
            told=self._told(),
            **kwargs,
        )

    def _may_answer(self) -> bool:
        return Role(self.membership.role).rank >= Role.EDITOR.rank

    def _pause_posted(self) -> PausePoint:
        pause = self._pause(self.request.POST.get("pause", ""))
        if pause is None:
            raise Http404("There is no such question in this workspace.")
        return pause

    def _told(self) -> str:
        """What the answer just given came to, after the redirect."""
        pause = self._pause(self.request.GET.get("answered", ""))
        if pause is None or pause.status != PauseStatus.ANSWERED or not isinstance(pause.answer, dict):
            return ""
        return f"{WORDS[pause.answer['decision']]}: {pause.run.workflow.name} goes on."

    def _pause(self, written: str) -> PausePoint | None:
        try:
            return approvals_of(self.workspace.pk).filter(pk=UUID(written)).first()
        except ValueError:
            return None


def _by(request: HttpRequest) -> dict[str, Any]:
    assert isinstance(request.user, User)
    return {"user": str(request.user.pk), "name": request.user.label}
