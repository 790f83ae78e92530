"""What the demo needs around it: a model on this machine, offered under a name, and a folder that takes its mails."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from django.conf import settings

from config.demo.tickets import PROVIDER
from config.local_llm.serving import serving
from workflows.blocks.llm_providers import SETTING

MODEL: Final = "local-typist"
PRICE: Final = {"input_per_million": "2.50", "output_per_million": "10.00"}
"""Dollars that nobody is charged, so that costs show."""


@contextmanager
def model_served() -> Iterator[dict[str, str]]:
    """The local model while this lasts, and the environment in which an install offers it beside its own providers."""
    with serving() as model:
        offered = json.loads(os.environ.get(SETTING) or "{}")
        offered[PROVIDER] = {"base_url": model.url, "model": MODEL, "prices": {MODEL: PRICE}}
        yield {
            SETTING: json.dumps(offered),
            "RUNSHEET_HTTP_ALLOW": ",".join([*settings.RUNSHEET_HTTP_ALLOW, model.allowed]),
        }


def mail_kept(folder: Path) -> dict[str, str]:
    """The environment in which mails go into files there, which nobody else may read: they hold links that decide."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {"EMAIL_URL": f"filemail:///{quote(str(folder))}"}
