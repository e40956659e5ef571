"""Run many calls concurrently over a stream of work, with memory for the window only.

A rolling window: as soon as one call ends, the next piece of work is pulled. No barrier waits for the slowest call of a
chunk, and a million pieces of work never become a million coroutines.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Generic, TypeVar

W = TypeVar("W")
R = TypeVar("R")

Stage = Callable[[str, int | None], Callable[[object], None]]
"""Announces a stage and its number of pieces, if known; returns the function to call after each piece."""


async def run_bounded(work: Iterable[W], worker: Callable[[W], Awaitable[R]], *, concurrency: int) -> AsyncIterator[R]:
    """Yield the results of ``worker`` over ``work`` in order of completion.

    When a worker or ``work`` itself raises, no more work is pulled, the calls in flight are awaited and their results
    yielded (they may have been billed), and then the first error is raised. Closing the iterator early cancels the calls in
    flight.

    Args:
        work: Pieces of work, pulled lazily, one for each free place.
        worker: Coroutine function called for each piece.
        concurrency: Number of places in the window, at least 1.
    """
    pieces = iter(work)
    window: _Window[R] = _Window()
    failed: BaseException | None = None
    exhausted = False
    try:
        while True:
            while not exhausted and len(window.running) < concurrency:
                try:
                    piece = next(pieces)
                except StopIteration:
                    exhausted = True
                except Exception as error:  # noqa: BLE001 - on any error the calls in flight are still completed
                    failed, exhausted = error, True
                else:
                    window.start(worker(piece))
            if not window.running:
                break
            for task in await window.ended():
                error = task.exception()
                if error is None:
                    yield task.result()
                else:
                    failed, exhausted = failed or error, True
        if failed is not None:
            raise failed
    finally:
        await window.cancel()


async def all_ended(calls: Iterable[Awaitable[R]]) -> list[R]:
    """The results of concurrent calls, in order.

    If one raises, the others are awaited before the first error is raised: they may be billed, and their answers are kept.
    """
    ended = await asyncio.gather(*calls, return_exceptions=True)
    for each in ended:
        if isinstance(each, BaseException):
            raise each
    return [each for each in ended if not isinstance(each, BaseException)]


class _Window(Generic[R]):
    """The calls in flight. Noticing an end takes constant time (`asyncio.wait` checks every call)."""

    def __init__(self) -> None:
        self.running: set[asyncio.Future[R]] = set()
        self._ended: list[asyncio.Future[R]] = []
        self._news = asyncio.Event()

    def start(self, call: Awaitable[R]) -> None:
        """Begin a call."""
        task = asyncio.ensure_future(call)
        self.running.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Future[R]) -> None:
        self._ended.append(task)
        self._news.set()

    async def ended(self) -> list[asyncio.Future[R]]:
        """Wait for the next calls to end, and remove them from the window."""
        await self._news.wait()
        self._news.clear()
        ended, self._ended = self._ended, []
        self.running.difference_update(ended)
        return ended

    async def cancel(self) -> None:
        """Cancel the running calls and wait until they have ended."""
        for task in self.running:
            task.cancel()
        if self.running:
            await asyncio.gather(*self.running, return_exceptions=True)
