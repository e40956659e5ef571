"""Adapter for verl."""

import asyncio
from collections.abc import Callable
from typing import Any

from rightly.rewards.grader import JudgmentReward
from rightly.rewards.integrations.retrying import GivenReward, RetryingGrader
from rightly.rewards.integrations.rows import without_token_cost


def verl_function(reward: JudgmentReward) -> Callable[..., Any]:
    """The asynchronous ``compute_score`` of verl; ``ground_truth`` is a `Reference` as JSON or as a mapping."""
    insist = RetryingGrader(without_token_cost(reward, "verl"))

    async def compute_score(
        data_source: str, solution_str: str, ground_truth: Any, extra_info: Any = None, **_: Any
    ) -> dict[str, float]:
        """Score one answer, with the figures that verl logs."""
        return _verl_row(await insist(solution_str, ground_truth))

    return compute_score


def verl_function_sync(reward: JudgmentReward) -> Callable[..., dict[str, float]]:
    """The synchronous ``compute_score`` of verl, which runs it in threads."""
    insist = RetryingGrader(without_token_cost(reward, "verl"))

    def compute_score(
        data_source: str, solution_str: str, ground_truth: Any, extra_info: Any = None, **_: Any
    ) -> dict[str, float]:
        """Score one answer, with the figures that verl logs."""
        return _verl_row(asyncio.run(insist(solution_str, ground_truth)))

    return compute_score


def _verl_row(scored: GivenReward) -> dict[str, float]:
    """A row with all keys, because verl uses the first sample's keys for all samples."""
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
