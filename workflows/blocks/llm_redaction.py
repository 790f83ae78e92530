"""Secrets taken out of a text that comes in pieces: none shows, however the pieces are cut (W6)."""

from __future__ import annotations

from collections.abc import Iterable

from workspaces.secrets import SHORTEST_REDACTED, secrets_redact


class Redactor:
    """Holds back the end of a growing text for as long as a secret may be beginning there."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Values too short to be redacted elsewhere are left alone here too."""
        self._secrets = sorted({secret for secret in secrets if len(secret) >= SHORTEST_REDACTED})
        self._held = ""

    def feed(self, piece: str) -> str:
        """What may be shown now that ``piece`` has come; perhaps nothing yet."""
        if not self._secrets:
            return piece
        clean = self.clean(self._held + piece)
        kept = self._beginning(clean)
        self._held = clean[len(clean) - kept :]
        return clean[: len(clean) - kept]

    def end(self) -> str:
        """What was held back, once nothing more comes."""
        held, self._held = self._held, ""
        return held

    def clean(self, text: str) -> str:
        """A whole text without secrets."""
        clean: str = secrets_redact(text, self._secrets)
        return clean

    def _beginning(self, text: str) -> int:
        """How many characters at the end of ``text`` are the beginning of a secret, at most."""
        longest = 0
        for secret in self._secrets:
            for length in range(min(len(secret) - 1, len(text)), longest, -1):
                if text.endswith(secret[:length]):
                    longest = length
                    break
        return longest
