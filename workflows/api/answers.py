"""`/answer/{token}/`: one question, for whoever holds its link; no account is needed (W20, trust.md 21).

Programs get JSON, browsers a page that works without JavaScript. Looking decides nothing, however often: mail
scanners open links. The secret in the address is the whole proof, so there is no session here and no CSRF token.
"""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpResponse, QueryDict
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer, TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from workflows.api.answer_access import BoundedFormParser, LinkThrottle
from workflows.api.pause_serializers import LinkAnswerSerializer, QuestionSerializer
from workflows.errors import PauseAnswered, PauseAnswerInvalid, PauseGone
from workflows.models import PausePoint
from workflows.pages.answer_form import Errors, answer_posted, answer_shown, name_posted, question_shown
from workflows.services.pauses import pause_answer, pause_by_token, pause_require_open
from workflows.states import PauseStatus
from workspaces.actors import Actor
from workspaces.api.parsers import StrictJSONParser
from workspaces.api.schema import ProblemSchema
from workspaces.origin import client_ip, request_id

TEMPLATE: Final = "runsheet/answer.html"
PRIVATE: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class AnswerView(APIView):
    """One question behind its link."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (LinkThrottle,)
    parser_classes = (StrictJSONParser, BoundedFormParser)
    renderer_classes = (JSONRenderer, TemplateHTMLRenderer)
    metadata_class = None
    schema = ProblemSchema()

    @extend_schema(responses=QuestionSerializer)
    def get(self, request: Request, token: str) -> Response:
        """Show what is asked, and decide nothing. 410 when it is over; what was answered is shown as it was."""
        pause = pause_by_token(token)
        if pause.status != PauseStatus.ANSWERED:
            pause_require_open(pause)
        return self._shown(pause)

    @extend_schema(request=LinkAnswerSerializer, responses=QuestionSerializer)
    def post(self, request: Request, token: str) -> HttpResponse:
        """Decide, once: 409 with the first decision for whoever comes second, 410 when it is over."""
        pause = pause_by_token(token)
        posted = request.data if isinstance(request.data, QueryDict) else None
        if posted is None:
            answer = _answer_of(request.data)
            name = name_posted(answer.pop("name", ""))
        else:
            answer, name = answer_posted(pause, posted), name_posted(posted.get("name"))
        by = {"link": True, "name": name or None}
        try:
            pause_answer(pause_id=pause.pk, data=answer, by=by, actor=_holder(request, name))
        except PauseAnswerInvalid as fault:
            if not self._is_page():
                raise
            return self._shown(pause, posted, fault.errors, status=400)
        if self._is_page():
            return HttpResponse(status=303, headers={"Location": request.path})
        return self._shown(pause_by_token(token))

    def handle_exception(self, exc: Exception) -> Response:
        """Browsers get the fault as a page."""
        answer = super().handle_exception(exc)
        if not self._is_page():
            return answer
        context: dict[str, Any] = {"problem": answer.data}
        if isinstance(exc, PauseAnswered):
            context["answer"] = answer_shown(pause_by_token(self.kwargs["token"]))
            context["too_late"] = True
        context["over"] = isinstance(exc, PauseGone)
        retry = {name: answer[name] for name in ("Retry-After",) if name in answer}
        return Response(context, status=answer.status_code, template_name=TEMPLATE, headers=retry)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """The address is a secret: no cache keeps it, no other site is told it."""
        final = super().finalize_response(request, response, *args, **kwargs)
        for name, value in PRIVATE.items():
            final[name] = value
        return final

    def _is_page(self) -> bool:
        return isinstance(getattr(self.request, "accepted_renderer", None), TemplateHTMLRenderer)

    def _shown(
        self,
        pause: PausePoint,
        posted: QueryDict | None = None,
        errors: Errors | None = None,
        status: int = 200,
    ) -> Response:
        if not self._is_page():
            return Response(QuestionSerializer(pause).data, status=status)
        context: dict[str, Any] = {"pause": pause, "workflow": pause.run.workflow}
        if pause.status == PauseStatus.ANSWERED:
            context["answer"] = answer_shown(pause)
        else:
            context["question"] = question_shown(pause, posted, errors)
        return Response(context, status=status, template_name=TEMPLATE)


def _answer_of(data: Any) -> dict[str, Any]:
    given = LinkAnswerSerializer(data=data)
    given.is_valid(raise_exception=True)
    answer: dict[str, Any] = dict(given.validated_data)
    return answer


def _holder(request: Request, name: str) -> Actor:
    """Whoever holds the link, as the audit log knows them: by the name they gave, if any, and by their address."""
    label = f"answer link ({name})" if name else "answer link"
    return Actor(user_id=None, label=label, ip=client_ip(request), request_id=request_id())
