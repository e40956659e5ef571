"""Run many calls at a time over a stream of work, with memory for the window only.

A rolling window: as soon as one call ends the next piece of work is pulled. No barrier waits for the slowest of a chunk,
and a million pieces of work are never a million coroutines.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

W = TypeVar("W")
R = TypeVar("R")


async def run_bounded(work: Iterable[W], worker: Callable[[W], Awaitable[R]], *, concurrency: int) -> AsyncIterator[R]:
    """Results of ``worker`` over ``work``, as they are done.

    When a worker raises, no more work is pulled, the calls in flight are awaited and their results yielded (they may be
    paid for), and then the first error is raised. Closing the iterator early cancels what is in flight.

    Args:
        work: Pulled lazily, one piece for each free place.
        worker: Called for each piece.
        concurrency: Places in the window, at least 1.
    """
    pieces = iter(work)
    running: set[asyncio.Task[R]] = set()
    failed: BaseException | None = None
    exhausted = False
    try:
        while True:
            while not exhausted and failed is None and len(running) < concurrency:
                try:
                    piece = next(pieces)
                except StopIteration:
                    exhausted = True
                else:
                    running.add(asyncio.ensure_future(worker(piece)))
            if not running:
                break
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if error is None:
                    yield task.result()
                else:
                    failed = failed or error
        if failed is not None:
            raise failed
    finally:
        for task in running:
            task.cancel()
        if running:
            await asyncio.gather(*running, return_exceptions=True)
