"""How many calls an endpoint takes at once: found by asking, as TCP does.

Multiplicative decrease, gentle increase: a refusal for load (429, 503) halves the limit, once for all calls that were in
flight when it came; every full round of answers raises it by one and an eighth of itself, up to what the user allowed. A
call that waits for its retry holds no place.
"""

import asyncio
from collections import deque


class AdaptiveLimiter:
    """Places for calls, between 1 and ``most``; handed out in the order of asking.

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
        if self._active < int(self.limit):
            self._active += 1
            return self._epoch
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.release()
            raise
        return self._epoch

    def release(self) -> None:
        """Give the place back."""
        self._active -= 1
        while self._waiting and self._active < int(self.limit):
            place = self._waiting.popleft()
            if not place.done():
                self._active += 1
                place.set_result(None)

    def succeeded(self) -> None:
        """A call was answered: one round of these raises the limit by one and an eighth."""
        self.limit = min(float(self._most), self.limit + 1 / self.limit + 1 / 8)

    def refused(self, epoch: int) -> None:
        """A call that took its place in ``epoch`` was refused for load: halve, once for each epoch."""
        if epoch == self._epoch:
            self._epoch += 1
            self.limit = max(1.0, self.limit / 2)
