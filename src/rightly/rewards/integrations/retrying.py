"""Rewards for trainers that cannot represent a missing reward: retried while requests fail, substitutes are counted."""

import asyncio
import time
from typing import Any, NamedTuple

from rightly.errors import RightlyError
from rightly.rewards.grader import JudgeAnswer, JudgmentReward
from rightly.rewards.integrations.rows import read_reference
from rightly.rewards.rule import Graded

PATIENCE_S = 1800.0
"""Seconds of retries after a grader failure for trainers that cannot represent a missing reward."""
_PAUSE_S = 5.0
_USUAL = 0.5
"""Reward of a list that cannot be matched before any other answer with the same outcome was graded."""


class GraderError(RightlyError):
    """The grader kept failing, and the calling trainer cannot represent a missing reward."""


class GivenReward(NamedTuple):
    """A reward for a trainer without missing rewards: a real one, or a substitute for a sample to exclude."""

    reward: float
    graded: Graded

    @property
    def excluded(self) -> bool:
        """Whether the reward is a substitute."""
        return self.graded.reward is None


class RetryingGrader:
    """Grades one answer at a time and retries while the request fails, so that there is always a number."""

    def __init__(self, reward: JudgmentReward) -> None:
        self._reward = reward
        self._given: dict[float, tuple[float, int]] = {}

    async def __call__(self, text: str, reference: Any) -> GivenReward:
        """Compute the reward of an answer.

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
