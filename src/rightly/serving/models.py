"""What is served: reward models alone or as an ensemble, each with a queue of its own."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import NamedTuple

from rightly.errors import InputError
from rightly.judges.base import Judge
from rightly.reward_models.model import TOKENS_PER_BATCH, RewardModel
from rightly.serving.queue import DeadlineError, Ids, Load, MicroBatcher, ModelError
from rightly.types import Message


@dataclass(frozen=True)
class Limits:
    """What a request and the queue may hold.

    Attributes:
        tokens_per_batch: Most tokens that a model computes together.
        queue_tokens: Most tokens that may wait for a model.
        timeout: Seconds that a request may take, tokenising, waiting and computing together; a batch that takes longer
            means that the model hangs.
    """

    tokens_per_batch: int = TOKENS_PER_BATCH
    queue_tokens: int = 1_000_000
    timeout: float = 60.0


class Rewards(NamedTuple):
    """The rewards of some responses by every model.

    Attributes:
        by_model: A list a model, in the order of the models; one reward a response.
    """

    by_model: list[list[float]]

    @property
    def mean(self) -> list[float]:
        """Over models."""
        return [fmean(rewards) for rewards in zip(*self.by_model, strict=True)]

    @property
    def std(self) -> list[float]:
        """Standard deviation over models; 0 of a single one."""
        return [pstdev(rewards) for rewards in zip(*self.by_model, strict=True)]

    def penalised(self, std_penalty: float) -> list[float]:
        """The mean minus `std_penalty` standard deviations.

        Coste et al., "Reward Model Ensembles Help Mitigate Overoptimization" (2023): what the models agree on.
        """
        return [mean - std_penalty * std for mean, std in zip(self.mean, self.std, strict=True)]


class ServedModel:
    """A reward model and its queue.

    Args:
        model: The model.
        limits: Of the queue.
    """

    def __init__(self, model: RewardModel, limits: Limits) -> None:
        self.name, self._model = model.name, model
        self._limits = limits
        self._batcher = MicroBatcher(
            lambda groups: model.score_groups(groups, limits.tokens_per_batch),
            tokens_per_batch=limits.tokens_per_batch,
            queue_tokens=limits.queue_tokens,
            patience=limits.timeout,
        )

    @property
    def load(self) -> Load:
        """What was done until now."""
        return self._batcher.load

    @property
    def problem(self) -> str:
        """Why it answers nothing; empty while it does."""
        return self._batcher.problem

    async def score(self, context: tuple[Message, ...], responses: Sequence[str]) -> list[float]:
        """The rewards of responses to a conversation, as `RewardModel.score` gives them.

        Raises:
            InputError: A text cannot be tokenised.
            DeadlineError: They took longer than the limits allow.
        """
        return await self._rewards(lambda: [each.ids for each in self._model.encode(context, responses)])

    async def score_texts(self, texts: Sequence[str], prompts: Sequence[str] = ()) -> list[float]:
        """The rewards of whole texts that a chat template has rendered already, with their prompts where they are known.

        Raises:
            InputError: A text is empty or cannot be tokenised.
            DeadlineError: They took longer than the limits allow.
        """
        known = prompts or [""] * len(texts)
        return await self._rewards(
            lambda: [self._model.encode_text(*each).ids for each in zip(texts, known, strict=True)]
        )

    async def score_ids(self, sequences: Sequence[Ids]) -> list[float]:
        """The rewards of token sequences as they are.

        Raises:
            InputError: One is empty, too long, or holds what is no token.
            DeadlineError: They took longer than the limits allow.
        """
        return await self._rewards(lambda: sequences)

    async def _rewards(self, encode: Callable[[], Sequence[Ids]]) -> list[float]:
        deadline = time.monotonic() + self._limits.timeout
        try:
            async with asyncio.timeout(self._limits.timeout):
                sequences = await asyncio.to_thread(self._encoded, encode)
        except TimeoutError:
            raise DeadlineError from None
        # Equal sequences of a request are one: in two batches their rewards would differ by rounding.
        distinct = list(dict.fromkeys(sequences))
        try:
            rewards = await self._batcher.rewards(distinct, max(deadline - time.monotonic(), 0.0))
        except ModelError as error:
            raise ModelError(f"{self.name}: {error}") from error
        of = dict(zip(distinct, rewards, strict=True))
        return [of[ids] for ids in sequences]

    def _encoded(self, encode: Callable[[], Sequence[Ids]]) -> Sequence[Ids]:
        try:
            sequences = encode()
        except InputError:
            raise
        except Exception as error:
            told = " ".join(str(error).split())[:200]
            raise InputError(f"{self.name} cannot tokenise it ({type(error).__name__}: {told})") from error
        limit, words = self._model.contract.max_length, self._model.model.config.get_text_config().vocab_size
        for number, ids in enumerate(sequences):
            if not 0 < len(ids) <= limit:
                raise InputError(f"text {number + 1}: {len(ids):,} tokens; {self.name} takes 1 to {limit:,}")
            if min(ids) < 0 or max(ids) >= words:
                strange = min(ids) if min(ids) < 0 else max(ids)
                raise InputError(f"text {number + 1}: token id {strange} is none of the {words:,} of {self.name}")
        return sequences

    async def close(self) -> None:
        """Finish what waits."""
        await self._batcher.close()


class Ensemble:
    """All served models; every text is scored by each of them.

    Args:
        models: One or more, with different names.
    """

    def __init__(self, models: Sequence[ServedModel]) -> None:
        self.models = {model.name: model for model in models}
        if len(self.models) != len(models) or not models:
            raise ValueError("models need names of their own, and there must be one")

    def named(self, name: str | None) -> "Ensemble":
        """The part that a request asks for: one model by its name, all by none.

        Raises:
            KeyError: There is no such model.
        """
        return self if name is None else Ensemble([self.models[name]])

    async def score(self, context: tuple[Message, ...], responses: Sequence[str]) -> Rewards:
        """Rewards of responses to a conversation."""
        return Rewards(list(await asyncio.gather(*(m.score(context, responses) for m in self.models.values()))))

    async def score_texts(self, texts: Sequence[str], prompts: Sequence[str] = ()) -> Rewards:
        """Rewards of rendered texts."""
        return Rewards(list(await asyncio.gather(*(m.score_texts(texts, prompts) for m in self.models.values()))))

    async def score_ids(self, sequences: Sequence[Ids]) -> Rewards:
        """Rewards of token sequences."""
        return Rewards(list(await asyncio.gather(*(m.score_ids(sequences) for m in self.models.values()))))

    @property
    def problem(self) -> str:
        """Which of them answers nothing, and why; empty while all do."""
        return "; ".join(f"{name}: {model.problem}" for name, model in self.models.items() if model.problem)

    async def close(self) -> None:
        """Finish what waits for any of them."""
        await asyncio.gather(*(model.close() for model in self.models.values()))


class Backend(NamedTuple):
    """All that a server has; at least one of them.

    Attributes:
        ensemble: Reward models.
        judge: A pairwise judge.
    """

    ensemble: Ensemble | None = None
    judge: Judge | None = None

    @property
    def names(self) -> list[str]:
        """Of everything served."""
        judge = [] if self.judge is None else [self.judge.name]
        return [*([] if self.ensemble is None else self.ensemble.models), *judge]

    @property
    def problem(self) -> str:
        """Which model answers nothing, and why; empty while all do."""
        return "" if self.ensemble is None else self.ensemble.problem

    async def close(self) -> None:
        """Finish what waits."""
        if self.ensemble is not None:
            await self.ensemble.close()
        if self.judge is not None:
            await self.judge.aclose()
