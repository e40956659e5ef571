"""A client of ``/v1/score`` that loses nothing: it waits for a server that is full, restarts, or is not there yet."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import aiohttp

from rightly.errors import EndpointError, InputError
from rightly.serving.wire import ScoredBody, ScoredItem, ScoreItem
from rightly.types import Message

_LONGEST_PAUSE_S = 15.0
_WAIT = (408, 425, 429, 502, 503, 504)
"""What passes: the server is full, restarts, or waits for something itself."""
_FAILED = (200, 500)
"""What seldom passes: the model failed at this request; or the answer is not a reward server's."""
_FAILURES = 3
"""Failed answers to one request after which it is an error."""


class RewardClient:
    """Scores responses on a reward server.

    Args:
        url: Of the server, without a path.
        token: Its bearer token.
        model: One of its models; all of them by default.
        std_penalty: Standard deviations over models that the penalised reward takes off.
        concurrency: Requests in flight.
        patience: Seconds to go on asking a server that does not answer.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        model: str | None = None,
        std_penalty: float = 0.0,
        concurrency: int = 64,
        patience: float = 1800.0,
    ) -> None:
        self._address = f"{url.rstrip('/')}/v1/score"
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._fixed = {"model": model, "std_penalty": std_penalty}
        self._concurrency, self._patience = concurrency, patience

    async def score(self, items: Sequence[tuple[tuple[Message, ...], Sequence[str]]]) -> list[ScoredItem]:
        """The rewards of responses to conversations, in their order.

        Raises:
            EndpointError: The server did not answer for longer than `patience`, or failed at one request three times.
            InputError: It cannot use what it was sent.
        """
        places = asyncio.Semaphore(self._concurrency)
        connector = aiohttp.TCPConnector(limit=self._concurrency)
        async with aiohttp.ClientSession(headers=self._headers, connector=connector) as session:

            async def one(context: tuple[Message, ...], responses: Sequence[str]) -> ScoredItem:
                async with places:
                    item = ScoreItem(context=context, responses=tuple(responses))
                    return await self._ask(
                        session, {**self._fixed, "items": [item.model_dump(exclude={"prompt"})]}, len(responses)
                    )

            return list(await asyncio.gather(*(one(*item) for item in items)))

    async def _ask(self, session: aiohttp.ClientSession, body: dict[str, Any], responses: int) -> ScoredItem:
        deadline, pause, failures = time.monotonic() + self._patience, 0.2, 0
        while True:
            told = ""
            try:
                async with session.post(self._address, json=body) as reply:
                    status, text, told = reply.status, await reply.text(), reply.headers.get("Retry-After", "")
                scored = _scored(text, responses) if status == 200 else None
                if scored is not None:
                    return scored
                problem = f"answered {status}{f' without {responses} rewards' if status == 200 else ''}: {text[:200]}"
                if status not in (*_WAIT, *_FAILED):
                    raise InputError(problem, where=self._address)
                failures += status in _FAILED
            except (aiohttp.ClientError, OSError) as error:
                problem = f"did not answer ({type(error).__name__}: {error})"
            wait = pause * random.uniform(0.5, 1.5)
            wait = max(wait, min(float(told), _LONGEST_PAUSE_S)) if told.isdigit() else wait
            if failures == _FAILURES or time.monotonic() + wait > deadline:
                raise EndpointError(f"{self._address} {problem}")
            await asyncio.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE_S)


def _scored(text: str, responses: int) -> ScoredItem | None:
    """The one item of an answer; ``None`` where it is not what was asked for."""
    try:
        items = ScoredBody.model_validate_json(text).items
    except ValueError:
        return None
    return items[0] if len(items) == 1 and len(items[0].rewards) == responses else None


class ServedReward:
    """A reward function of TRL's ``GRPOTrainer`` and ``RLOOTrainer``: the penalised reward of a server's models.

    Args:
        server: The server's address, or a client with settings of its own.
    """

    def __init__(self, server: str | RewardClient) -> None:
        self._client = RewardClient(server) if isinstance(server, str) else server
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
            std = [value for item in scored for value in item.std]
            log_metric("reward_std", sum(std) / len(std))
        return [reward for item in scored for reward in item.penalised]


def _messages(value: Any, role: str) -> tuple[Message, ...]:
    """What trainers hand over: a text, or messages."""
    if isinstance(value, str):
        return (Message.model_validate({"role": role, "content": value}),)
    return tuple(Message(role=turn["role"], content=turn["content"]) for turn in value)
