"""Requests of many clients in the batches of one model: no timer, no padding, a bounded queue.

While the model computes, what arrives waits; when it is free, all that waits goes in together, up to a budget of tokens. So
a lone request is served at once and a crowd is served in large batches. Sequences with a long common start (the responses to
one prompt, whoever sent them) are computed as one group, and equal ones once.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from rightly.reward_models.packing import TokenGroup, group_sequences

Ids = tuple[int, ...]
ScoreGroups = Callable[[Sequence[TokenGroup]], list[list[float]]]
"""The rewards of every group's branches; called in a thread, one call at a time."""

SHARED = 32
"""Sequences are grouped where they begin with so many equal tokens and with half of the shorter one."""


class OverloadedError(Exception):
    """The queue is full: come back after ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"overloaded; retry after {seconds:.0f} s")
        self.seconds = seconds


class DeadlineError(Exception):
    """The request waited longer than it allowed."""


class DrainingError(Exception):
    """The server is shutting down and takes no more work."""


class _Waiting(NamedTuple):
    ids: Ids
    future: "asyncio.Future[float]"
    deadline: float


class Load(NamedTuple):
    """What a batcher has done.

    Attributes:
        waiting_tokens: In the queue now.
        sequences: Answered since the start.
        computed: Of these, sequences that the model computed; the others were equal to one of the same batch.
        tokens: Computed, shared starts once.
        batches: Calls of the model.
        busy_s: Seconds that the model computed.
    """

    waiting_tokens: int = 0
    sequences: int = 0
    computed: int = 0
    tokens: int = 0
    batches: int = 0
    busy_s: float = 0.0


class MicroBatcher:
    """One model's queue; to be made, used and closed on one event loop.

    Args:
        score: Computes a batch.
        tokens_per_batch: Most tokens that go in together.
        queue_tokens: Most tokens that may wait; beyond it callers are sent away.
    """

    def __init__(self, score: ScoreGroups, *, tokens_per_batch: int, queue_tokens: int) -> None:
        self._score, self._budget, self._limit = score, tokens_per_batch, queue_tokens
        self._waiting: deque[_Waiting] = deque()
        self._tokens = 0
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rightly-score")
        self._draining = False
        self._load = Load()
        self._worker = asyncio.get_running_loop().create_task(self._work())

    @property
    def load(self) -> Load:
        """What was done until now."""
        return self._load._replace(waiting_tokens=self._tokens)

    async def rewards(self, sequences: Sequence[Ids], timeout: float = float("inf")) -> list[float]:
        """The rewards of token sequences, in their order; all of them or none.

        Args:
            sequences: Each with at least one token.
            timeout: Seconds that they may wait for the model.

        Raises:
            OverloadedError: They do not fit into the queue.
            DeadlineError: They waited too long; what was not begun is not computed.
            DrainingError: The batcher is closing.
        """
        if self._draining:
            raise DrainingError
        more = sum(map(len, sequences))
        if self._tokens and self._tokens + more > self._limit:
            raise OverloadedError(self._seconds_for(self._tokens))
        loop = asyncio.get_running_loop()
        deadline = time.monotonic() + timeout
        mine = [_Waiting(ids, loop.create_future(), deadline) for ids in sequences]
        self._waiting.extend(mine)
        self._tokens += more
        self._arrived.set()
        try:
            return await asyncio.gather(*(each.future for each in mine))
        finally:
            for each in mine:
                each.future.cancel()

    async def close(self) -> None:
        """Take no more, finish what waits, release the thread."""
        self._draining = True
        self._arrived.set()
        await self._worker
        self._thread.shutdown()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._waiting:
                if self._draining:
                    return
                self._arrived.clear()
                await self._arrived.wait()
                continue
            await asyncio.sleep(0)  # requests that came in the same moment go in together
            batch = self._next_batch()
            if not batch:
                continue
            groups, places = group_equal_starts([each.ids for each in batch])
            began = time.perf_counter()
            try:
                rewards = await loop.run_in_executor(self._thread, self._score, groups)
            except Exception as error:  # noqa: BLE001 - whatever the model failed at is each caller's to know
                for each in batch:
                    _settle(each.future, error)
                continue
            self._count(batch, groups, time.perf_counter() - began)
            for each, (group, branch) in zip(batch, places, strict=True):
                _settle(each.future, rewards[group][branch])

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        tokens, now = 0, time.monotonic()
        while self._waiting:
            first = self._waiting[0]
            wanted = not first.future.done()
            if wanted and first.deadline >= now:
                if batch and tokens + len(first.ids) > self._budget:
                    break
                batch.append(first)
                tokens += len(first.ids)
            elif wanted:
                _settle(first.future, DeadlineError())
            self._waiting.popleft()
            self._tokens -= len(first.ids)
        return batch

    def _count(self, batch: list[_Waiting], groups: Sequence[TokenGroup], seconds: float) -> None:
        done = self._load
        self._load = done._replace(
            sequences=done.sequences + len(batch),
            computed=done.computed + sum(len(group.branches) for group in groups),
            tokens=done.tokens + sum(group.tokens for group in groups),
            batches=done.batches + 1,
            busy_s=done.busy_s + seconds,
        )

    def _seconds_for(self, tokens: int) -> float:
        speed = self._load.tokens / self._load.busy_s if self._load.busy_s else self._budget
        return max(tokens / speed, 1.0)


def group_equal_starts(sequences: Sequence[Ids]) -> tuple[list[TokenGroup], list[tuple[int, int]]]:
    """Groups that share their starts, equal sequences once; and for every sequence its group and branch."""
    distinct = sorted(set(sequences))
    parts: list[list[Ids]] = []
    for ids in distinct:
        if parts and _alike(parts[-1][0], ids):
            parts[-1].append(ids)
        else:
            parts.append([ids])
    place = {ids: (i, j) for i, part in enumerate(parts) for j, ids in enumerate(part)}
    return [group_sequences(part) for part in parts], [place[ids] for ids in sequences]


def _alike(first: Ids, second: Ids) -> bool:
    shortest = min(len(first), len(second))
    needed = max(SHARED, shortest // 2)
    return shortest > needed and first[:needed] == second[:needed]


def _settle(future: "asyncio.Future[float]", result: "float | Exception") -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
