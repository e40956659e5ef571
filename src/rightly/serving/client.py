"""A client of ``/v1/score`` that loses nothing: it waits for a server that is full, restarts, or is not there yet."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import aiohttp

from rightly.errors import EndpointError, InputError
from rightly.serving.wire import ScoredItem, ScoreItem
from rightly.types import Message

_LONGEST_PAUSE_S = 15.0
_AGAIN = (408, 425, 429, 500, 502, 503, 504)


class RewardClient:
    """Scores responses on a reward server.

    Args:
        url: Of the server, without a path.
        token: Its bearer token.
        model: One of its models; all of them by default.
        spreads: Standard deviations over models that the conservative reward takes off.
        concurrency: Requests in flight.
        patience: Seconds to go on asking a server that does not answer.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        model: str | None = None,
        spreads: float = 0.0,
        concurrency: int = 64,
        patience: float = 1800.0,
    ) -> None:
        self._address = f"{url.rstrip('/')}/v1/score"
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._fixed = {"model": model, "spreads": spreads}
        self._concurrency, self._patience = concurrency, patience

    async def score(self, items: Sequence[tuple[tuple[Message, ...], Sequence[str]]]) -> list[ScoredItem]:
        """The rewards of responses to conversations, in their order.

        Raises:
            EndpointError: The server did not answer for longer than `patience`.
            InputError: It cannot use what it was sent.
        """
        places = asyncio.Semaphore(self._concurrency)
        connector = aiohttp.TCPConnector(limit=self._concurrency)
        async with aiohttp.ClientSession(headers=self._headers, connector=connector) as session:

            async def one(context: tuple[Message, ...], responses: Sequence[str]) -> ScoredItem:
                async with places:
                    item = ScoreItem(context=context, responses=tuple(responses))
                    return await self._ask(session, {**self._fixed, "items": [item.model_dump(exclude={"prompt"})]})

            return list(await asyncio.gather(*(one(*item) for item in items)))

    async def _ask(self, session: aiohttp.ClientSession, body: dict[str, Any]) -> ScoredItem:
        deadline, pause = time.monotonic() + self._patience, 0.2
        while True:
            problem, wait = "", pause * random.uniform(0.5, 1.5)
            try:
                async with session.post(self._address, json=body) as reply:
                    if reply.status == 200:
                        return ScoredItem.model_validate((await reply.json())["items"][0])
                    problem = f"answered {reply.status}: {(await reply.text())[:200]}"
                    if reply.status not in _AGAIN:
                        raise InputError(problem, where=self._address)
                    told = reply.headers.get("Retry-After", "")
                    wait = max(wait, min(float(told), _LONGEST_PAUSE_S)) if told.isdigit() else wait
            except (aiohttp.ClientError, OSError, ValueError, KeyError) as error:
                if isinstance(error, InputError):
                    raise
                problem = f"did not answer ({type(error).__name__}: {error})"
            if time.monotonic() + wait > deadline:
                raise EndpointError(f"{self._address} {problem}")
            await asyncio.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE_S)


class ServedReward:
    """A reward function of TRL's ``GRPOTrainer`` and ``RLOOTrainer``: the conservative reward of a server's models.

    Args:
        client: The server's.
    """

    def __init__(self, client: RewardClient) -> None:
        self._client = client
        self.__name__ = "served_reward"

    async def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        *,
        log_metric: Callable[[str, float], None] | None = None,
        **_: Any,
    ) -> list[float]:
        """One reward a completion; responses to one prompt travel together and share its computation."""
        contexts = [_messages(prompt, "user") for prompt in prompts]
        texts = [_messages(completion, "assistant")[-1].content for completion in completions]
        spans = [list(rows) for _, rows in groupby(range(len(texts)), lambda row: contexts[row])]
        scored = await self._client.score([(contexts[rows[0]], [texts[row] for row in rows]) for rows in spans])
        if log_metric is not None:
            spread = [value for item in scored for value in item.spread]
            log_metric("reward_spread", sum(spread) / len(spread))
        return [reward for item in scored for reward in item.conservative]


def _messages(value: Any, role: str) -> tuple[Message, ...]:
    """What trainers hand over: a text, or messages."""
    if isinstance(value, str):
        return (Message.model_validate({"role": role, "content": value}),)
    return tuple(Message(role=turn["role"], content=turn["content"]) for turn in value)
