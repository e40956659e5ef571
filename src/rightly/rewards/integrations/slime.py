"""Adapter for slime."""

from collections.abc import Callable
from typing import Any

from rightly.rewards.grader import JudgmentReward
from rightly.rewards.integrations.retrying import RetryingGrader
from rightly.rewards.integrations.rows import without_token_cost


def slime_function(reward: JudgmentReward) -> Callable[..., Any]:
    """The ``custom_rm(args, sample)`` of slime; ``sample.label`` is a `Reference` as JSON or as a mapping."""
    insist = RetryingGrader(without_token_cost(reward, "slime"))

    async def custom_rm(args: Any, sample: Any, **_: Any) -> float:
        """Score one sample."""
        return (await insist(sample.response, sample.label)).reward

    return custom_rm
