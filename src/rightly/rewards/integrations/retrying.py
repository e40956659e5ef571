"""Rewards for trainers that know numbers only: retried while requests fail, and never invented in silence."""

import asyncio
import time
from typing import Any, NamedTuple

from rightly.errors import RightlyError
from rightly.rewards.grader import JudgeAnswer, JudgmentReward
from rightly.rewards.integrations.rows import read_reference
from rightly.rewards.rule import Graded

PATIENCE_S = 1800.0
"""How long a trainer that knows numbers only waits for a grader that fails."""
_PAUSE_S = 5.0
_USUAL = 0.5
"""What a list that cannot be matched stands at before any other with the same outcome was."""


class GraderError(RightlyError):
    """The grader kept failing; the trainer that called knows no missing reward."""


class GivenReward(NamedTuple):
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

    async def __call__(self, text: str, reference: Any) -> GivenReward:
        """The reward of an answer.

        Raises:
            GraderError: The request failed for longer than `PATIENCE_S`.
        """
        known, deadline = read_reference(reference), time.monotonic() + PATIENCE_S
        while True:
            graded = (await self._reward.grade([JudgeAnswer(text)], [known]))[0]
            total, count = self._given.get(graded.outcome, (0.0, 0))
            if graded.reward is not None:
                self._given[graded.outcome] = total + graded.reward, count + 1
                return GivenReward(graded.reward, graded)
            if not graded.transient:
                return GivenReward(total / count if count else _USUAL * graded.outcome, graded)
            if time.monotonic() > deadline:
                raise GraderError(f"no reward within {PATIENCE_S / 60:g} minutes: {graded.detail}")
            await asyncio.sleep(_PAUSE_S)
