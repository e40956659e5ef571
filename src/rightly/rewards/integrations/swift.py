"""Adapter for ms-swift."""

from collections.abc import Sequence
from typing import Any

from rightly.rewards.grader import JudgeAnswer, JudgmentReward
from rightly.rewards.integrations.rows import references, without_token_cost


class SwiftReward:
    """A reward of ms-swift (its ``ORM``): register an instance's class in a plugin, ``orms["rationale"] = ...``.

    Args:
        reward: The reward to adapt. It cannot have a token cost, because ms-swift passes no token ids.
    """

    def __init__(self, reward: JudgmentReward) -> None:
        self._reward = without_token_cost(reward, "ms-swift")

    def __call__(
        self,
        completions: Sequence[str],
        *,
        label: Sequence[str],
        points: Sequence[Sequence[str]],
        weights: Sequence[Sequence[float]] | None = None,
        **_: Any,
    ) -> list[float | None]:
        """One reward per completion; ``None`` if the grader failed."""
        answers = [JudgeAnswer(text) for text in completions]
        return [each.reward for each in self._reward.grade_now(answers, references(label, points, weights))]
