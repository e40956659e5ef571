"""Find how many concurrent calls an endpoint accepts, with TCP-style congestion control.

Multiplicative decrease, gentle increase. A refusal for load (429, 503) halves the limit, once for all calls that were in
flight when it arrived. Every full round of answers raises the limit by one plus an eighth of itself, up to the user's
maximum. A call that waits for its retry holds no place.
"""

import asyncio
from collections import deque


class AdaptiveLimiter:
    """Places for calls, between 1 and ``most``, granted in the order of the requests.

    Args:
        most: The user's limit, which is also the initial limit.
    """

    def __init__(self, most: int) -> None:
        self.limit, self._most = float(most), most
        self._active = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._epoch = 0

    async def acquire(self) -> int:
        """Wait for a place; returns the epoch to pass to `refused`."""
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
        """Release the place."""
        self._active -= 1
        while self._waiting and self._active < int(self.limit):
            place = self._waiting.popleft()
            if not place.done():
                self._active += 1
                place.set_result(None)

    def succeeded(self) -> None:
        """Note an answered call; a full round of them raises the limit by one plus an eighth of itself."""
        self.limit = min(float(self._most), self.limit + 1 / self.limit + 1 / 8)

    def refused(self, epoch: int) -> None:
        """Note that a call that took its place in ``epoch`` was refused for load: halves the limit, once per epoch."""
        if epoch == self._epoch:
            self._epoch += 1
            self.limit = max(1.0, self.limit / 2)
