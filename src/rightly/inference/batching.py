"""Gather waiting calls and answer them as one batch: the way local engines are called."""

import asyncio
from collections.abc import Callable, Sequence

from rightly.inference.generator import Completion, Request

Engine = Callable[[Sequence[Request]], list[Completion]]


class BatchingGenerator:
    """Answers concurrent requests in batches, in a thread, one batch at a time.

    Args:
        name: Display name of the model.
        fingerprint: Identity of the model in cache and record keys.
        engine: Blocking function that answers a batch, in order.
        batch_size: Maximum number of requests in a batch.
        check: Called with every request; raises `InputError` if the engine cannot answer such requests.
    """

    def __init__(
        self,
        name: str,
        fingerprint: str,
        engine: Engine,
        batch_size: int,
        check: Callable[[Request], None] = lambda _: None,
    ) -> None:
        # Twice the batch: the next batch gathers while one is answered.
        self.name, self.fingerprint, self.concurrency = name, fingerprint, 2 * batch_size
        self._engine, self._batch_size, self._check = engine, batch_size, check
        self._waiting: list[tuple[Request, asyncio.Future[Completion]]] = []
        self._loop: asyncio.Task[None] | None = None

    async def generate(self, request: Request) -> Completion:
        """Wait for a place in a batch, then for its answer.

        Raises:
            InputError: The engine cannot answer such requests.
        """
        self._check(request)
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append((request, answer))
        if self._loop is None or self._loop.done():
            self._loop = asyncio.ensure_future(self._work())
        return await answer

    async def _work(self) -> None:
        await asyncio.sleep(0)
        while self._waiting:
            batch, self._waiting = self._waiting[: self._batch_size], self._waiting[self._batch_size :]
            answers = await asyncio.to_thread(self._answer, [request for request, _ in batch])
            for (_, future), completion in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(completion)

    def _answer(self, requests: list[Request]) -> list[Completion]:
        """Answer one batch. If it fails as a whole, its requests run one by one, so that one cannot fail the others."""
        try:
            return self._engine(requests)
        except Exception as error:  # noqa: BLE001 - an engine may fail in any way: too long a prompt, no memory, ...
            if len(requests) > 1:
                return [self._answer([request])[0] for request in requests]
            return [
                Completion(failure="provider", detail=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
            ]

    async def aclose(self) -> None:
        """Wait for the running batch."""
        if self._loop is not None:
            await self._loop
