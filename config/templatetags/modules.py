"""`{% preload_modules "sheet/element.js" %}`: links by which a browser fetches a module and all it imports at once.

Without them it learns of each step of the way through imports only when the step before has come.
"""

from __future__ import annotations

import functools
import posixpath
import re
from pathlib import Path

from django import template
from django.conf import settings
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

register = template.Library()

ROOT = "runsheet"
_IMPORTED = re.compile(r'^import (?:.* from )?"(\.{1,2}/[^"]+)";', re.MULTILINE)
"""Static imports, in the one form our modules write them in (`tests/architecture/test_frontend.py`)."""


@register.simple_tag
def preload_modules(*entries: str) -> SafeString:
    """The links for these modules below `static/runsheet/`; raises ``LookupError`` for one that is not there."""
    found = _closure(entries) if settings.DEBUG else _kept(entries)
    links = ((static(name),) for name in found)
    return format_html_join("\n", '<link rel="modulepreload" href="{}">', links)


def _closure(entries: tuple[str, ...]) -> tuple[str, ...]:
    """The modules and what they import, what is nearest to them first."""
    found: dict[str, None] = {}
    waiting = [f"{ROOT}/{entry}" for entry in entries]
    for name in waiting:  # grows meanwhile
        if name in found:
            continue
        found[name] = None
        waiting += _imported(name)
    return tuple(found)


_kept = functools.cache(_closure)
"""The same once per process: files do not change under an install."""


def _imported(name: str) -> list[str]:
    path = finders.find(name)
    if path is None:
        raise LookupError(f"There is no static file {name}.")
    here = posixpath.dirname(name)
    return [
        posixpath.normpath(posixpath.join(here, other)) for other in _IMPORTED.findall(Path(path).read_text())
    ]
