"""How many calls an endpoint takes at once: found by asking, as TCP does.

Additive increase, multiplicative decrease: a refusal (429, 503) halves the limit once for all calls that were in flight
when it came; every full round of successes raises it by one, up to what the user allowed. A call that waits for its retry
holds no place.
"""

import asyncio
from collections import deque


class AdaptiveLimiter:
    """Places for calls, between 1 and ``most``.

    Args:
        most: The user's limit, and where it starts.
    """

    def __init__(self, most: int) -> None:
        self.limit, self._most = float(most), most
        self._active = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._epoch = 0

    async def acquire(self) -> int:
        """Wait for a place; gives back the epoch to hand to `refused`."""
        while self._active >= int(self.limit):
            place = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            try:
                await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():
                    self._wake()
                raise
        self._active += 1
        return self._epoch

    def release(self) -> None:
        """Give the place back."""
        self._active -= 1
        self._wake()

    def succeeded(self) -> None:
        """A call was answered: grow by one for each full round of answers."""
        self.limit = min(float(self._most), self.limit + 1 / self.limit)

    def refused(self, epoch: int) -> None:
        """A call that took its place in ``epoch`` was refused for load: halve, once for each epoch."""
        if epoch == self._epoch:
            self._epoch += 1
            self.limit = max(1.0, self.limit / 2)

    def _wake(self) -> None:
        free = int(self.limit) - self._active
        while free > 0 and self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                free -= 1
