"""`/settings/`: the workspace and its members, secrets, API tokens, and the audit log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, ClassVar, Final

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.generic.base import TemplateView

from workspaces import selectors
from workspaces.api.pagination import keyset_page
from workspaces.errors import Invalid
from workspaces.models import ApiToken, AuditEvent
from workspaces.pages.access import WorkspacePageMixin
from workspaces.states import Role

SHOWN: Final = 500
ENTRIES: Final = 50

TABS: Final = (
    ("settings-page", "Members", False),
    ("secrets-page", "Secrets", False),
    ("tokens-page", "API tokens", True),
    ("audit-page", "Audit log", True),
)
"""Name of the path, word, and whether only admins have it."""

KINDS: Final = {
    "tables": ("Tables and rows", "table column group row rows view import job dispatch cell"),
    "workflows": ("Workflows and runs", "workflow ref run pause hook"),
    "triggers": ("Triggers", "trigger invocation scheduler"),
    "people": ("People and access", "member token secret workspace"),
}
"""What the log can be narrowed to: words, and the entities whose facts it holds."""


class SettingsMixin(WorkspacePageMixin, TemplateView):
    """A page of the settings, with its tabs. Raises ``PermissionDenied`` where only admins look."""

    path_name: ClassVar[str]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show it to those who may see it."""
        if not self.is_admin and any(only for name, _, only in TABS if name == self.path_name):
            raise PermissionDenied
        return super().get(request, *args, **kwargs)

    @property
    def is_admin(self) -> bool:
        """Whether this person may change what is here."""
        return self.membership.role == Role.ADMIN

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the tabs this person has."""
        here = (
            f"?{urlencode({'workspace': str(self.workspace.pk)})}" if "workspace" in self.request.GET else ""
        )
        return super().get_context_data(
            section="settings",
            is_admin=self.is_admin,
            tabs=[
                (word, reverse(name) + here, name == self.path_name)
                for name, word, only in TABS
                if self.is_admin or not only
            ],
            **kwargs,
        )


class SettingsPage(SettingsMixin):
    """`/settings/`: the workspace's name, who belongs to it and as what."""

    path_name = "settings-page"
    template_name = "runsheet/settings.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the members in the order they joined."""
        members = selectors.members_of(self.workspace).order_by("created_at", "id")[:SHOWN]
        return super().get_context_data(members=members, roles=Role.values, **kwargs)


class SecretsPage(SettingsMixin):
    """`/settings/secrets/`: names; a value is never read here."""

    path_name = "secrets-page"
    template_name = "runsheet/secrets.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the names."""
        secrets = selectors.secrets_of(self.workspace).defer("ciphertext").order_by("name")[:SHOWN]
        return super().get_context_data(secrets=secrets, **kwargs)


class TokensPage(SettingsMixin):
    """`/settings/tokens/`: what programs come in by, the revoked ones last."""

    path_name = "tokens-page"
    template_name = "runsheet/tokens.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the tokens, those that work first."""
        found = list(selectors.tokens_of(self.workspace).order_by("-created_at", "-id")[:SHOWN])
        tokens = sorted(((token, token_state(token)) for token in found), key=lambda each: each[1] != "live")
        return super().get_context_data(tokens=tokens, **kwargs)


def token_state(token: ApiToken) -> str:
    """`live`, `expired` or `revoked`."""
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at is not None and token.expires_at <= timezone.now() else "live"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log: the fact in words, what it is about by name, and the values before and after."""

    event: AuditEvent
    words: str
    name: str
    values: str


class AuditPage(SettingsMixin):
    """`/settings/audit/`: who did what, the newest first, narrowed to a kind and a person."""

    path_name = "audit-page"
    template_name = "runsheet/audit.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add one page of entries and where the next one is."""
        query = {
            name: self.request.GET[name]
            for name in ("kind", "who", "workspace")
            if self.request.GET.get(name)
        }
        try:
            page = keyset_page(
                self._entries(query),
                order=["-created_at", "-id"],
                limit=ENTRIES,
                after=self.request.GET.get("after"),
            )
        except Invalid as fault:
            raise Http404("There is no such page.") from fault
        return super().get_context_data(
            entries=[_entry(event) for event in page.rows],
            kinds=[(kind, word) for kind, (word, _) in KINDS.items()],
            query=query,
            next=page.next and urlencode({**query, "after": page.next}),
            **kwargs,
        )

    def _entries(self, query: dict[str, str]) -> QuerySet[AuditEvent]:
        entries = selectors.audit_of(self.workspace)
        if "kind" in query:
            if query["kind"] not in KINDS:
                raise Http404("There is no such kind.")
            _, entities = KINDS[query["kind"]]
            entries = entries.filter(
                reduce(or_, (Q(action__startswith=f"{each}.") for each in entities.split()))
            )
        if "who" in query:
            entries = entries.filter(actor_label__icontains=query["who"].strip())
        return entries


def _entry(event: AuditEvent) -> Entry:
    values = {side: told for side, told in (("before", event.before), ("after", event.after)) if told}
    named = {**(event.before or {}), **(event.after or {})}
    name = next((str(named[key]) for key in ("name", "filename", "user") if named.get(key)), "")
    written = json.dumps(values, ensure_ascii=False, indent=2) if values else ""
    return Entry(event, event.action.replace(".", " ").replace("_", " "), name, written)
