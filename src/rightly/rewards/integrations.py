"""One reward, every trainer's way of calling it: a few lines each.

A grader that failed is no sample. Trainers that know this are told so (TRL, ms-swift: ``None``). The others (verl, OpenRLHF,
slime) know numbers only. There an endpoint that is down is waited for, and one that stays down stops the run, which then
goes on from its checkpoint (OpenRLHF logs the error instead, and stops where such a sample is the first of its batch); a
list that cannot be matched stands at the mean reward of the answers with the same outcome so far, and counts as excluded.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from rightly.errors import RightlyError
from rightly.rewards.grader import Answer, JudgmentReward
from rightly.rewards.rule import Graded, Reference
from rightly.rewards.summary import summarise
from rightly.types import PreferencePair

PATIENCE_S = 1800.0
"""How long a trainer that knows numbers only waits for a grader that fails."""
_PAUSE_S = 5.0
_USUAL = 0.5
"""What a list that cannot be matched stands at before any other with the same outcome was."""


class GraderError(RightlyError):
    """The grader kept failing; the trainer that called knows no missing reward."""


def reward_columns(pair: PreferencePair) -> dict[str, Any]:
    """The columns that a data set needs beside its prompts, for TRL and ms-swift."""
    reference = Reference.of(pair)
    return {"label": reference.label, "points": list(reference.points), "weights": list(reference.weights)}


class TrlReward:
    """A reward function of TRL's ``GRPOTrainer``, ``RLOOTrainer`` and ``AsyncGRPOTrainer``.

    Give it as the only one: trainers add up several, and a product is no sum. The data set has the columns of
    `reward_columns`. Figures of `rightly.rewards.summary` go to the trainer's log.

    Args:
        reward: The reward.
        observe: Called with what every batch was graded.
    """

    def __init__(self, reward: JudgmentReward, observe: Callable[[list[Graded]], None] | None = None) -> None:
        self._reward, self._observe = reward, observe
        self.__name__ = f"{reward.rule.agreement}_{reward.rule.compose}"

    async def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]] | None = None,
        *,
        label: Sequence[str],
        points: Sequence[Sequence[str]],
        weights: Sequence[Sequence[float]] | None = None,
        log_metric: Callable[[str, float], None] | None = None,
        **_: Any,
    ) -> list[float | None]:
        """One reward a completion; ``None`` where the grader failed."""
        lengths = [len(ids) for ids in completion_ids] if completion_ids is not None else [0] * len(completions)
        answers = [Answer(completion_text(each), n) for each, n in zip(completions, lengths, strict=True)]
        graded = await self._reward.grade(answers, _references(label, points, weights))
        if log_metric is not None:
            for name, value in summarise(graded).items():
                log_metric(name, value)
        if self._observe is not None:
            self._observe(graded)
        return [each.reward for each in graded]


class SwiftReward:
    """A reward of ms-swift (its ``ORM``): register an instance's class in a plugin, ``orms["rationale"] = ...``.

    Args:
        reward: The reward; ms-swift gives no token ids, so it can have no token cost.
    """

    def __init__(self, reward: JudgmentReward) -> None:
        self._reward = _without_token_cost(reward, "ms-swift")

    def __call__(
        self,
        completions: Sequence[str],
        *,
        label: Sequence[str],
        points: Sequence[Sequence[str]],
        weights: Sequence[Sequence[float]] | None = None,
        **_: Any,
    ) -> list[float | None]:
        """One reward a completion; ``None`` where the grader failed."""
        answers = [Answer(text) for text in completions]
        return [each.reward for each in self._reward.grade_now(answers, _references(label, points, weights))]


def verl_function(reward: JudgmentReward) -> Callable[..., Any]:
    """The asynchronous ``compute_score`` of verl; ``ground_truth`` is a `Reference` as JSON or as a mapping."""
    insist = RetryingGrader(_without_token_cost(reward, "verl"))

    async def compute_score(
        data_source: str, solution_str: str, ground_truth: Any, extra_info: Any = None, **_: Any
    ) -> dict[str, float]:
        """Score one answer, with the figures that verl logs."""
        return _verl_row(await insist(solution_str, ground_truth))

    return compute_score


def verl_function_sync(reward: JudgmentReward) -> Callable[..., dict[str, float]]:
    """The synchronous ``compute_score`` of verl, which runs it in threads."""
    insist = RetryingGrader(_without_token_cost(reward, "verl"))

    def compute_score(
        data_source: str, solution_str: str, ground_truth: Any, extra_info: Any = None, **_: Any
    ) -> dict[str, float]:
        """Score one answer, with the figures that verl logs."""
        return _verl_row(asyncio.run(insist(solution_str, ground_truth)))

    return compute_score


def openrlhf_function(reward: JudgmentReward, eos_token: str = "") -> Callable[..., dict[str, Any]]:
    """OpenRLHF's ``reward_func`` of a ``.py`` file; ``labels`` are `Reference` objects as JSON.

    Args:
        reward: The reward.
        eos_token: OpenRLHF keeps special tokens in what it hands over: cut off at the end.
    """
    insist = RetryingGrader(_without_token_cost(reward, "OpenRLHF"))

    def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any]) -> dict[str, Any]:
        """Score a batch (of one); a query is the prompt and its answer."""
        answers = [query.removeprefix(prompt) for query, prompt in zip(queries, prompts, strict=True)]

        async def whole() -> list[Scored]:
            texts = [answer.removesuffix(eos_token) for answer in answers]
            return await asyncio.gather(*(insist(*each) for each in zip(texts, labels, strict=True)))

        scored = asyncio.run(whole())
        rewards = [each.reward for each in scored]
        logs = {
            "outcome": sum(each.graded.outcome for each in scored) / len(scored),
            "excluded": sum(each.excluded for each in scored) / len(scored),
        }
        return {"rewards": rewards, "scores": rewards, "extra_logs": logs}

    return reward_func


def slime_function(reward: JudgmentReward) -> Callable[..., Any]:
    """The ``custom_rm(args, sample)`` of slime; ``sample.label`` is a `Reference` as JSON or as a mapping."""
    insist = RetryingGrader(_without_token_cost(reward, "slime"))

    async def custom_rm(args: Any, sample: Any, **_: Any) -> float:
        """Score one sample."""
        return (await insist(sample.response, sample.label)).reward

    return custom_rm


def completion_text(completion: Any) -> str:
    """The text of a completion as trainers hand it over: a string, or a list of messages."""
    return completion if isinstance(completion, str) else "".join(str(message["content"]) for message in completion)


def read_reference(value: Any) -> Reference:
    """A reference that came through a trainer's data as JSON, or as a mapping."""
    if isinstance(value, str):
        value = json.loads(value)
    return Reference.model_validate(dict(value) if isinstance(value, Mapping) else value)


class Scored(NamedTuple):
    """A reward for a trainer that knows numbers only: given, or a stand-in where the answer should be no sample."""

    reward: float
    graded: Graded

    @property
    def excluded(self) -> bool:
        """Whether the reward is a stand-in."""
        return self.graded.reward is None


class RetryingGrader:
    """Grades one answer at a time, and again while the line fails; there is always a number."""

    def __init__(self, reward: JudgmentReward) -> None:
        self._reward = reward
        self._given: dict[float, tuple[float, int]] = {}

    async def __call__(self, text: str, reference: Any) -> Scored:
        """The reward of an answer.

        Raises:
            GraderError: The request failed for longer than `PATIENCE_S`.
        """
        known, deadline = read_reference(reference), time.monotonic() + PATIENCE_S
        while True:
            graded = (await self._reward.grade([Answer(text)], [known]))[0]
            total, count = self._given.get(graded.outcome, (0.0, 0))
            if graded.reward is not None:
                self._given[graded.outcome] = total + graded.reward, count + 1
                return Scored(graded.reward, graded)
            if not graded.transient:
                return Scored(total / count if count else _USUAL * graded.outcome, graded)
            if time.monotonic() > deadline:
                raise GraderError(f"no reward within {PATIENCE_S / 60:g} minutes: {graded.detail}")
            await asyncio.sleep(_PAUSE_S)


def _verl_row(scored: Scored) -> dict[str, float]:
    """Every sample has all keys: verl takes those of the first for all."""
    graded = scored.graded
    metrics = graded.metrics
    return {
        "score": scored.reward,
        "outcome": graded.outcome,
        "consistency": 0.0 if metrics is None else metrics.consistency,
        "matched": float(metrics is not None),
        "reasons": float(len(graded.read.reasons)),
        "fault": float(graded.read.fault is not None),
        "excluded": float(scored.excluded),
    }


def _references(
    label: Sequence[str], points: Sequence[Sequence[str]], weights: Sequence[Sequence[float]] | None
) -> list[Reference]:
    given = weights if weights is not None else [()] * len(label)
    rows = zip(label, points, given, strict=True)
    return [Reference(label=one, points=tuple(said), weights=tuple(counts)) for one, said, counts in rows]


def _without_token_cost(reward: JudgmentReward, trainer: str) -> JudgmentReward:
    if reward.rule.token_cost:
        raise ValueError(f"{trainer} hands over text, not tokens: a reward with a token cost cannot be computed there")
    return reward
