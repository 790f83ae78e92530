"""Which keys of a file were seen already, in eight bytes each: a million of them take 16 to 32 MB, not hundreds."""

from __future__ import annotations

from array import array
from hashlib import blake2b

_FIRST_SLOTS = 1 << 10


class SeenKeys:
    """A set of texts that only grows, kept as 64-bit digests in an open table of at most two thirds.

    Among a million different texts, two share a digest once in forty million files.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * _FIRST_SLOTS))
        self._count = 0

    def add(self, text: str) -> bool:
        """Whether the text is new."""
        digest = int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big") or 1
        if not self._put(digest):
            return False
        self._count += 1
        if self._count * 3 > len(self._slots) * 2:
            self._grow()
        return True

    def _put(self, digest: int) -> bool:
        slots, mask = self._slots, len(self._slots) - 1
        at = digest & mask
        while found := slots[at]:
            if found == digest:
                return False
            at = (at + 1) & mask
        slots[at] = digest
        return True

    def _grow(self) -> None:
        old, self._slots = self._slots, array("Q", bytes(16 * len(self._slots)))
        for digest in old:
            if digest:
                self._put(digest)
