"""Requests of many clients in the batches of one model: no timer, no padding, a bounded queue.

While the model computes, what arrives waits; when it is free, all that waits goes in together, up to a budget of tokens. So
a lone request is served at once and a crowd is served in large batches. Sequences with a long common start (the responses to
one prompt, whoever sent them) are computed as one group, and equal ones once.

Nothing that the model does ends the queue: what it raises is told to the requests that it failed at, and whoever waits too
long leaves, whether or not the model ever comes back.
"""

import asyncio
import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import count
from queue import SimpleQueue
from typing import NamedTuple

from rightly.errors import InputError
from rightly.reward_models.fast.packing import TokenGroup, group_sequences

logger = logging.getLogger(__name__)

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
    """The request took longer than it allowed."""


class DrainingError(Exception):
    """The server is shutting down and takes no more work."""


class StoppedError(Exception):
    """The queue's worker has ended; only a restart of the server brings it back."""


class ModelError(Exception):
    """The model failed at a sequence; says how."""


class _Waiting(NamedTuple):
    ids: Ids
    future: "asyncio.Future[float]"


class _Done(NamedTuple):
    """What became of a batch: a reward or an error for each sequence, and what was computed."""

    results: list["float | ModelError"]
    computed: int = 0
    tokens: int = 0


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
        patience: Seconds after which a batch that is still computed is taken for one that hangs.
    """

    def __init__(
        self, score: ScoreGroups, *, tokens_per_batch: int, queue_tokens: int, patience: float = math.inf
    ) -> None:
        self._budget, self._limit, self._patience = tokens_per_batch, queue_tokens, patience
        self._waiting: OrderedDict[int, _Waiting] = OrderedDict()
        self._computing: list[_Waiting] = []
        self._began: float | None = None
        self._numbers = count()
        self._tokens = 0
        self._arrived = asyncio.Event()
        self._thread = _ScoringThread(score)
        self._draining = False
        self._load = Load()
        self._worker = asyncio.get_running_loop().create_task(self._work())
        self._worker.add_done_callback(self._tell_stopped)

    @property
    def load(self) -> Load:
        """What was done until now."""
        return self._load._replace(waiting_tokens=self._tokens)

    @property
    def problem(self) -> str:
        """Why nothing is answered; empty while the queue moves."""
        if self._worker.done():
            return "its worker has stopped"
        seconds = 0.0 if self._began is None else time.monotonic() - self._began
        return f"it has computed one batch for {seconds:.0f} s" if seconds > self._patience else ""

    async def rewards(self, sequences: Sequence[Ids], timeout: float = math.inf) -> list[float]:
        """The rewards of token sequences, in their order; all of them or none.

        Args:
            sequences: Each with at least one token.
            timeout: Seconds until they must be there.

        Raises:
            InputError: One has no tokens.
            OverloadedError: They do not fit into the queue.
            DeadlineError: They took too long; what was not begun is not computed.
            ModelError: The model failed at one of them.
            DrainingError: The batcher is closing.
            StoppedError: The batcher's worker has ended.
        """
        if self._draining:
            raise DrainingError
        if self._worker.done():
            raise StoppedError
        if not all(sequences):
            raise InputError("a sequence has no tokens: there is nothing to score")
        more = sum(map(len, sequences))
        if self._tokens and self._tokens + more > self._limit:
            raise OverloadedError(self._seconds_for(self._tokens))
        loop = asyncio.get_running_loop()
        mine = {next(self._numbers): _Waiting(ids, loop.create_future()) for ids in sequences}
        self._waiting.update(mine)
        self._tokens += more
        self._arrived.set()
        try:
            async with asyncio.timeout(timeout if math.isfinite(timeout) else None):
                return await asyncio.gather(*(each.future for each in mine.values()))
        except TimeoutError:
            raise DeadlineError from None
        finally:
            for number, each in mine.items():
                each.future.cancel()
                if self._waiting.pop(number, None) is not None:
                    self._tokens -= len(each.ids)

    async def close(self) -> None:
        """Take no more, finish what waits, release the thread; a batch that hangs is left behind."""
        self._draining = True
        self._arrived.set()
        await asyncio.wait({self._worker}, timeout=self._patience if math.isfinite(self._patience) else None)
        self._worker.cancel()
        self._thread.close()

    async def _work(self) -> None:
        while True:
            if not self._waiting:
                if self._draining:
                    return
                self._arrived.clear()
                await self._arrived.wait()
                continue
            await asyncio.sleep(0)  # requests that came in the same moment go in together
            self._computing = self._next_batch()
            if not self._computing:
                continue
            self._began = time.monotonic()
            done = await self._thread.score([each.ids for each in self._computing])
            self._count(done, time.monotonic() - self._began)
            self._began = None
            for each, result in zip(self._computing, done.results, strict=True):
                _settle(each.future, result)

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        tokens = 0
        while self._waiting:
            number, first = next(iter(self._waiting.items()))
            if batch and tokens + len(first.ids) > self._budget:
                break
            del self._waiting[number]
            batch.append(first)
            tokens += len(first.ids)
        self._tokens -= tokens
        return batch

    def _count(self, done: _Done, seconds: float) -> None:
        before = self._load
        self._load = before._replace(
            sequences=before.sequences + sum(isinstance(result, float) for result in done.results),
            computed=before.computed + done.computed,
            tokens=before.tokens + done.tokens,
            batches=before.batches + 1,
            busy_s=before.busy_s + seconds,
        )

    def _seconds_for(self, tokens: int) -> float:
        speed = self._load.tokens / self._load.busy_s if self._load.busy_s and self._load.tokens else self._budget
        return max(tokens / speed, 1.0)

    def _tell_stopped(self, worker: "asyncio.Task[None]") -> None:
        error = None if worker.cancelled() else worker.exception()
        if error is not None:
            logger.error("the worker of a model has stopped", exc_info=error)
        for each in (*self._computing, *self._waiting.values()):
            _settle(each.future, StoppedError())


class _ScoringThread:
    """The one thread that calls the model.

    It is no pool's: the interpreter waits for those when it ends, and would wait for ever for a model that hangs.
    """

    def __init__(self, score: ScoreGroups) -> None:
        self._score = score
        self._asked: SimpleQueue[tuple[list[Ids], asyncio.Future[_Done]] | None] = SimpleQueue()
        threading.Thread(target=self._run, name="rightly-score", daemon=True).start()

    async def score(self, sequences: list[Ids]) -> _Done:
        """The rewards of a batch; an error for each sequence that the model fails at by itself."""
        future: asyncio.Future[_Done] = asyncio.get_running_loop().create_future()
        self._asked.put((sequences, future))
        return await future

    def close(self) -> None:
        """End the thread once it is free."""
        self._asked.put(None)

    def _run(self) -> None:
        while (asked := self._asked.get()) is not None:
            sequences, future = asked
            done = self._scored(sequences, whole=True)
            try:
                future.get_loop().call_soon_threadsafe(_settle, future, done)
            except RuntimeError:  # the loop has been closed meanwhile: nobody waits any more
                return

    def _scored(self, sequences: list[Ids], *, whole: bool) -> _Done:
        """Where a batch fails as a whole, its halves are scored, so that one sequence cannot fail the others."""
        try:
            groups, places = group_equal_starts(sequences)
            rewards = self._score(groups)
            if [len(found) for found in rewards] != [len(group.branches) for group in groups]:
                raise ValueError("the model gave another number of rewards than it was asked for")
            results = [_checked(float(rewards[group][branch])) for group, branch in places]
            return _Done(results, sum(len(group.branches) for group in groups), sum(group.tokens for group in groups))
        except BaseException as error:
            problem = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            if whole:  # once a batch, not once more for every part of it
                logger.exception("the model failed at a batch of %d sequences", len(sequences))
        # Out of the handler, which would keep the tensors of the failed batch in memory.
        if len(set(sequences)) == 1:
            return _Done([ModelError(problem) for _ in sequences])
        half = len(sequences) // 2
        first, second = (self._scored(part, whole=False) for part in (sequences[:half], sequences[half:]))
        return _Done(first.results + second.results, first.computed + second.computed, first.tokens + second.tokens)


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


def _checked(reward: float) -> "float | ModelError":
    return reward if math.isfinite(reward) else ModelError(f"its reward is {reward}; see `rightly doctor`")


def _settle(future: "asyncio.Future", result: object) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
