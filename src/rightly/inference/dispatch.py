"""Run many calls at a time over a stream of work, with memory for the window only.

A rolling window: as soon as one call ends the next piece of work is pulled. No barrier waits for the slowest of a chunk,
and a million pieces of work are never a million coroutines.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Generic, TypeVar

W = TypeVar("W")
R = TypeVar("R")


async def run_bounded(work: Iterable[W], worker: Callable[[W], Awaitable[R]], *, concurrency: int) -> AsyncIterator[R]:
    """Results of ``worker`` over ``work``, as they are done.

    When a worker or ``work`` itself raises, no more work is pulled, the calls in flight are awaited and their results
    yielded (they may be paid for), and then the first error is raised. Closing the iterator early cancels what is in
    flight.

    Args:
        work: Pulled lazily, one piece for each free place.
        worker: Called for each piece.
        concurrency: Places in the window, at least 1.
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
                except Exception as error:  # noqa: BLE001 - whatever ends the work, the calls in flight end well
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


class _Window(Generic[R]):
    """The calls in flight. Hearing of an end costs the same whatever their number (`asyncio.wait` asks each of them)."""

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
        """Wait for the next ends; they leave the window."""
        await self._news.wait()
        self._news.clear()
        ended, self._ended = self._ended, []
        self.running.difference_update(ended)
        return ended

    async def cancel(self) -> None:
        """Cancel what still runs, and wait for it to be gone."""
        for task in self.running:
            task.cancel()
        if self.running:
            await asyncio.gather(*self.running, return_exceptions=True)
