"""Batch the requests of many clients for one model: no timer, no padding, a bounded queue.

Requests that arrive during a forward pass wait. When the model is free, all waiting requests form the next batch, up to a
token limit. A single request is therefore served immediately, and many are served in large batches. Sequences with a long
common prefix (the responses to one prompt, from any client) are computed as one group, and equal sequences once.

A failure of the model does not end the queue: its error is passed to the affected requests. A request that waits too long
times out, even if the model never returns.
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
"""Computes the rewards of every group's branches; called in a thread, one call at a time."""

SHARED = 32
"""Minimum number of equal first tokens, which must also cover half of the shorter sequence, to group two sequences."""


class OverloadedError(Exception):
    """The queue is full: retry after ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"overloaded; retry after {seconds:.0f} s")
        self.seconds = seconds


class DeadlineError(Exception):
    """The request exceeded its time limit."""


class DrainingError(Exception):
    """The server is shutting down and accepts no more work."""


class StoppedError(Exception):
    """The queue's worker has ended; only a restart of the server brings it back."""


class ModelError(Exception):
    """The model failed at a sequence; the message is its error."""


class _Waiting(NamedTuple):
    ids: Ids
    future: "asyncio.Future[float]"


class _Done(NamedTuple):
    """Result of a batch: a reward or an error for each sequence, and the amount of computation."""

    results: list["float | ModelError"]
    computed: int = 0
    tokens: int = 0


class Load(NamedTuple):
    """Work done by a batcher so far.

    Attributes:
        waiting_tokens: Number of tokens in the queue now.
        sequences: Number of sequences answered since the start.
        computed: Number of sequences that the model computed; the others were equal to one of the same batch.
        tokens: Number of computed tokens; shared prefixes count once.
        batches: Number of forward passes.
        busy_s: Seconds spent in forward passes.
    """

    waiting_tokens: int = 0
    sequences: int = 0
    computed: int = 0
    tokens: int = 0
    batches: int = 0
    busy_s: float = 0.0


class MicroBatcher:
    """Queue of one model; create, use and close it on one event loop.

    Args:
        score: Function that computes a batch.
        tokens_per_batch: Maximum number of tokens of a batch.
        queue_tokens: Maximum number of waiting tokens; beyond it requests are refused.
        patience: Seconds after which a running batch counts as hanging.
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
        """Work done so far."""
        return self._load._replace(waiting_tokens=self._tokens)

    @property
    def problem(self) -> str:
        """Reason why the queue makes no progress; empty while it does."""
        if self._worker.done():
            return "its worker has stopped"
        seconds = 0.0 if self._began is None else time.monotonic() - self._began
        return f"it has computed one batch for {seconds:.0f} s" if seconds > self._patience else ""

    async def rewards(self, sequences: Sequence[Ids], timeout: float = math.inf) -> list[float]:
        """The rewards of token sequences, in their order: all of them or none.

        Args:
            sequences: Token sequences, each with at least one token.
            timeout: Maximum seconds until the rewards are available.

        Raises:
            InputError: A sequence has no tokens.
            OverloadedError: The sequences do not fit into the queue.
            DeadlineError: The request exceeded its time limit; sequences not yet started are not computed.
            ModelError: The model failed at one of the sequences.
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
        """Accept no more work, finish the waiting requests and release the thread; a hanging batch is abandoned."""
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
            await asyncio.sleep(0)  # batch requests that arrive at the same moment
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

    It does not belong to a pool: at exit the interpreter waits for pool threads, and a hanging model would block it forever.
    """

    def __init__(self, score: ScoreGroups) -> None:
        self._score = score
        self._asked: SimpleQueue[tuple[list[Ids], asyncio.Future[_Done]] | None] = SimpleQueue()
        threading.Thread(target=self._run, name="rightly-score", daemon=True).start()

    async def score(self, sequences: list[Ids]) -> _Done:
        """The rewards of a batch; an error for each sequence that fails on its own."""
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
            except RuntimeError:  # the loop was closed in the meantime: no request waits any more
                return

    def _scored(self, sequences: list[Ids], *, whole: bool) -> _Done:
        """Score a batch; if it fails as a whole, score its halves, so that one sequence cannot fail the others."""
        try:
            groups, places = group_equal_starts(sequences)
            rewards = self._score(groups)
            if [len(found) for found in rewards] != [len(group.branches) for group in groups]:
                raise ValueError("the number of rewards from the model differs from the number of sequences")
            results = [_checked(float(rewards[group][branch])) for group, branch in places]
            return _Done(results, sum(len(group.branches) for group in groups), sum(group.tokens for group in groups))
        except BaseException as error:
            problem = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            if whole:  # once per batch, not again for every part of it
                logger.exception("the model failed at a batch of %d sequences", len(sequences))
        # Outside the handler, which would keep the tensors of the failed batch in memory.
        if len(set(sequences)) == 1:
            return _Done([ModelError(problem) for _ in sequences])
        half = len(sequences) // 2
        first, second = (self._scored(part, whole=False) for part in (sequences[:half], sequences[half:]))
        return _Done(first.results + second.results, first.computed + second.computed, first.tokens + second.tokens)


def group_equal_starts(sequences: Sequence[Ids]) -> tuple[list[TokenGroup], list[tuple[int, int]]]:
    """Group sequences by common prefix, equal sequences once; also returns each sequence's group and branch."""
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
