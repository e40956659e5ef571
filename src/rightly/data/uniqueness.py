"""Check ids for uniqueness at 8 bytes per id, so that a file larger than memory can be checked while streaming."""

import hashlib

import numpy as np

_BUFFERED = 65_536


class SeenIds:
    """A growing set of strings, stored as 64-bit hashes: a sorted array and a small set of the newest.

    Two different ids share a hash with probability n² / 2⁶⁵: about 3 in 10⁸ for a million ids.
    """

    def __init__(self) -> None:
        self._sorted = np.empty(0, dtype=np.uint64)
        self._newest: set[int] = set()

    def add(self, text: str) -> bool:
        """Add an id; returns ``False`` if it was already present."""
        code = int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
        if code in self._newest or self._is_sorted_in(code):
            return False
        self._newest.add(code)
        if len(self._newest) >= _BUFFERED:
            newest = np.fromiter(self._newest, dtype=np.uint64, count=len(self._newest))
            self._sorted = np.sort(np.concatenate([self._sorted, newest]))
            self._newest.clear()
        return True

    def _is_sorted_in(self, code: int) -> bool:
        place = int(np.searchsorted(self._sorted, np.uint64(code)))
        return place < len(self._sorted) and int(self._sorted[place]) == code
