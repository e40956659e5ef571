"""Figures of a batch of graded judgments, to monitor the training of a judge."""

from collections.abc import Sequence

import numpy as np

from rightly.rewards.rule import Graded

SPURIOUS_BELOW = 0.25
"""Soft recall of the human points below which a right verdict is spurious."""
RANKS = 5
"""Number of list positions whose precision is reported."""


def summarise(graded: Sequence[Graded]) -> dict[str, float]:
    """Shares and means over a batch; a figure without any case is omitted.

    ``accuracy``, ``faults`` (no verdict, no reasons, two verdicts) and ``excluded`` (the grader failed) are shares of all
    answers. ``consistency``, ``f1``, ``precision`` and ``precision_at_K`` are means over matched answers. ``spurious`` is
    the share of right verdicts with a consistency below `SPURIOUS_BELOW`, ``follows`` the share of verdicts that follow
    from their list, and ``reasons`` the mean length of a list.
    """
    read = [each.read for each in graded]
    matched = [each for each in graded if each.metrics is not None]
    metrics = [each.metrics for each in matched if each.metrics is not None]
    right = [m.consistency < SPURIOUS_BELOW for each, m in zip(matched, metrics, strict=True) if each.outcome]
    figures: dict[str, Sequence[float]] = {
        "reward": [each.reward for each in graded if each.reward is not None],
        "accuracy": [each.outcome for each in graded],
        "consistency": [each.consistency for each in metrics],
        "precision": [each.precision for each in metrics if each.precision is not None],
        "f1": [each.f1 for each in metrics],
        "spurious": right,
        "follows": [float(each.follows or False) for each in read if each.fault != "no verdict"],
        "reasons": [float(len(each.reasons)) for each in read],
        "faults": [float(each.fault is not None) for each in read],
        "excluded": [float(each.reward is None) for each in graded],
    }
    for rank in range(RANKS):
        figures[f"precision_at_{rank + 1}"] = [m.score_by_rank[rank] for m in metrics if len(m.score_by_rank) > rank]
    return {name: float(np.mean(values)) for name, values in figures.items() if len(values)}
