"""Adapter for TRL's ``GRPOTrainer``, ``RLOOTrainer`` and ``AsyncGRPOTrainer``."""

from collections.abc import Callable, Sequence
from typing import Any

from rightly.rewards.grader import JudgeAnswer, JudgmentReward
from rightly.rewards.integrations.rows import completion_text, references
from rightly.rewards.rule import Graded
from rightly.rewards.summary import summarise


class TrlReward:
    """A reward function of TRL's ``GRPOTrainer``, ``RLOOTrainer`` and ``AsyncGRPOTrainer``.

    Use it as the only reward function: trainers add several up, and a product is not a sum. The data set needs the columns of
    `reward_columns`. Figures of `rightly.rewards.summary` are written to the trainer's log.

    Args:
        reward: The reward to adapt.
        observe: Callback that gets the graded answers of every batch.
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
        """One reward per completion; ``None`` if the grader failed."""
        lengths = [len(ids) for ids in completion_ids] if completion_ids is not None else [0] * len(completions)
        answers = [JudgeAnswer(completion_text(each), n) for each, n in zip(completions, lengths, strict=True)]
        graded = await self._reward.grade(answers, references(label, points, weights))
        if log_metric is not None:
            for name, value in summarise(graded).items():
                log_metric(name, value)
        if self._observe is not None:
            self._observe(graded)
        return [each.reward for each in graded]
