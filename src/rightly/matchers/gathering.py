"""Compute for many waiting coroutines at once: one large batch is cheaper than many small ones."""

import asyncio
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

MOST_KEPT = 200_000
"""Number of values above which the older half is forgotten."""


class Gathering(Generic[Key, Value]):
    """Looks values up, and computes the missing ones of all waiting callers together, in a thread.

    Args:
        compute: Function from keys to their values, in order.
        most_kept: Number of values above which the older half is forgotten.
    """

    def __init__(self, compute: Callable[[Sequence[Key]], Sequence[Value]], most_kept: int = MOST_KEPT) -> None:
        self._compute, self._most_kept = compute, most_kept
        self._known: dict[Key, Value] = {}
        self._wanted: dict[Key, None] = {}
        self._batch: asyncio.Task[None] | None = None

    async def values(self, keys: Iterable[Key]) -> dict[Key, Value]:
        """The value of every key."""
        keys = dict.fromkeys(keys)
        found = {key: self._known[key] for key in keys if key in self._known}
        missing = [key for key in keys if key not in found]
        self._wanted.update(dict.fromkeys(missing))
        while missing:
            if self._batch is None or self._batch.done():
                self._batch = asyncio.ensure_future(self._run())
            await self._batch
            found |= {key: self._known[key] for key in missing if key in self._known}
            missing = [key for key in missing if key not in found]
            self._wanted.update(dict.fromkeys(missing))
        return found

    async def _run(self) -> None:
        await asyncio.sleep(0)  # whoever is about to ask joins
        wanted, self._wanted = [key for key in self._wanted if key not in self._known], {}
        if len(self._known) > self._most_kept:
            self._known = dict(list(self._known.items())[len(self._known) // 2 :])
        self._known.update(zip(wanted, await asyncio.to_thread(self._compute, wanted), strict=True))
