"""Faults on request: ``429 retry_after=2 times=1``, the kind and its parameters.

==================  =====================================================================================
kind                what happens
==================  =====================================================================================
``429``, ``500`` …  that status; ``retry_after`` seconds in its header, as a date with ``as_date=1``;
                    ``echo=1`` repeats the caller's key in the message
``slow``            ``seconds`` before the answer begins, ``each`` between two pieces
``truncated``       the answer ends in the middle, politely
``drop``            the connection breaks after ``after`` pieces
``huge``            an answer of ``bytes``
``malformed``       something that is not JSON
``not_json``        an answer in prose, whatever schema was asked for
``unknown``         JSON with values that no schema allows
``no_choices``      an answer without choices
``no_usage``        no word of tokens
``filter``          held back by a content filter
``length``          cut off at ``max_tokens``
``refusal``         the model refuses
``tool_call``       a call to a tool at ``url``, and a text that tells to call it
``error``           an error told in the middle of a stream
``echo``            the caller's own key as the answer, letter by letter
``whole``           one JSON answer though a stream was asked for
==================  =====================================================================================

With ``times=n`` only the first n calls of a key that ask for this very fault meet it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from config.local_llm.mind import text_of

MODEL_PREFIX: Final = "fault-"
HEADER: Final = "x-fault"
_MARKER: Final = re.compile(r"\[\[([a-z0-9_]+(?:[ ,]+[a-z_]+=[^\s,\]]+)*)\]\]")


@dataclass(frozen=True, slots=True)
class Fault:
    """``kind`` is empty where all is well. ``wish`` is how it was asked for."""

    kind: str = ""
    wish: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    def number(self, name: str, default: float) -> float:
        """A parameter that is a number."""
        return float(self.parameters.get(name, default))

    @property
    def status(self) -> int:
        """The HTTP status, 200 unless the fault is one."""
        return int(self.kind) if self.kind.isdecimal() else 200


def fault_wished(headers: Mapping[str, str], body: Mapping[str, Any]) -> Fault:
    """The fault that a request asks for: by its header, its model or its conversation, in this order."""
    model = str(body.get("model", ""))
    if HEADER in headers:
        return _parsed(headers[HEADER])
    if model.startswith(MODEL_PREFIX):
        return _parsed(model.removeprefix(MODEL_PREFIX))
    for turn in body.get("messages", []):
        found = _MARKER.search(text_of(turn))
        if found is not None:
            return _parsed(found[1])
    return Fault()


def _parsed(wish: str) -> Fault:
    kind, *rest = re.split(r"[ ,]+", wish.strip())
    pairs = (part.partition("=") for part in rest)
    return Fault(kind, wish, {name: value for name, _, value in pairs})
