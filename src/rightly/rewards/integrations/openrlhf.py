"""Adapter for OpenRLHF."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from rightly.rewards.grader import JudgmentReward
from rightly.rewards.integrations.retrying import GivenReward, RetryingGrader
from rightly.rewards.integrations.rows import without_token_cost


def openrlhf_function(reward: JudgmentReward, eos_token: str = "") -> Callable[..., dict[str, Any]]:
    """OpenRLHF's ``reward_func`` of a ``.py`` file; ``labels`` are `Reference` objects as JSON.

    Args:
        reward: The reward to adapt.
        eos_token: Token to remove from the end of an answer, because OpenRLHF keeps special tokens.
    """
    insist = RetryingGrader(without_token_cost(reward, "OpenRLHF"))

    def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any]) -> dict[str, Any]:
        """Score a batch (of one); a query is the prompt and its answer."""
        answers = [query.removeprefix(prompt) for query, prompt in zip(queries, prompts, strict=True)]

        async def whole() -> list[GivenReward]:
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
