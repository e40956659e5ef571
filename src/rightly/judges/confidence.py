"""How far a judge's confidence can be trusted: calibration, accuracy against coverage, accuracy against the number of calls.

The confidence of a judge in a pair is ``max(p, 1 - p)`` with ``p`` its preference for response A, the mean over the orders
shown. A judge whose confidence is below a threshold can abstain: what is left is its coverage.
"""

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from rightly.metrics.accuracy import Outcome, majority, outcome
from rightly.metrics.calibration import ReliabilityBin, brier_score, expected_calibration_error, reliability
from rightly.types import Choice, Frozen, Judgment

_SAME = 1e-9
"""Difference below which two confidences are the same."""
_POINTS = 20
"""Number of points of a curve over confidences that are all different."""


class Told(Frozen):
    """What a judge says of one labelled pair, for every order in which it was asked and answered.

    Attributes:
        chances: Its probability that the labelled response is better; ``None`` where unknown.
        votes: Its votes; empty for a judge that is asked once.
    """

    chances: tuple[float | None, ...]
    votes: tuple[tuple[Outcome, ...], ...]


class CoveragePoint(Frozen):
    """What is left if the judge abstains below a confidence.

    Attributes:
        confidence: Least confidence of an answer.
        n: Number of pairs with an answer.
        coverage: Share of all pairs, in [0, 1]; a pair without a preference, or with a failed answer, is never covered.
        accuracy: Share of right answers among them.
    """

    confidence: float
    n: int
    coverage: float
    accuracy: float


class VotesPoint(Frozen):
    """Accuracy with fewer votes.

    Attributes:
        votes: Number of votes in each order.
        accuracy: Accuracy by the pair rule, the mean over disjoint groups of that many votes.
    """

    votes: int
    accuracy: float


class Confidence(Frozen):
    """How far a judge's confidence can be trusted, over labelled pairs.

    Attributes:
        n: Number of pairs with a label and at least one answered request.
        n_confident: Number of these pairs with a preference in every order that was asked.
        calibration_error: Expected calibration error (Guo et al., 2017, eq. 3) in bins of equal mass; ``None`` without pairs.
        brier: Brier score of the preference; ``None`` without pairs.
        bins: Accuracy against confidence.
        coverage: Accuracy against coverage, all answers first.
        by_votes: Accuracy against the number of votes; empty for a judge that does not vote.
    """

    n: int
    n_confident: int
    calibration_error: float | None
    brier: float | None
    bins: tuple[ReliabilityBin, ...]
    coverage: tuple[CoveragePoint, ...]
    by_votes: tuple[VotesPoint, ...]


def told(label: Choice, judgments: Sequence[Judgment]) -> Told:
    """What the judgments of a pair say of its labelled response, without those whose request failed.

    Args:
        label: ``"A"`` or ``"B"``.
        judgments: One or two orders.
    """
    answered = [each for each in judgments if each.failure != "provider"]
    return Told(
        chances=tuple(
            None if each.preference is None else each.preference if label == "A" else 1 - each.preference
            for each in answered
        ),
        votes=tuple(tuple(outcome(vote, label) for vote in each.votes) for each in answered),
    )


def judge_confidence(pairs: Sequence[Told]) -> Confidence | None:
    """The confidence figures of one judge; ``None`` if it states no preference anywhere.

    Args:
        pairs: What the judge says of every labelled pair; those of which every request failed are skipped.
    """
    known = [pair for pair in pairs if pair.chances]
    if all(chance is None for pair in known for chance in pair.chances):
        return None
    chances = [
        fmean(sure) for pair in known if len(sure := [p for p in pair.chances if p is not None]) == len(pair.chances)
    ]
    return Confidence(
        n=len(known),
        n_confident=len(chances),
        calibration_error=expected_calibration_error(chances) if chances else None,
        brier=brier_score(chances) if chances else None,
        bins=reliability(chances) if chances else (),
        coverage=_coverage(chances, len(known)),
        by_votes=_by_votes(known),
    )


def _coverage(chances: Sequence[float], n: int) -> tuple[CoveragePoint, ...]:
    """The curve, from the probabilities of the labelled response and the number of all pairs."""
    p = np.array([chance for chance in chances if abs(chance - 0.5) > _SAME])
    if not len(p):
        return ()
    # 0.6 and 1 - 0.4 are one confidence, and two numbers.
    confidence, right = np.round(np.maximum(p, 1 - p) / _SAME) * _SAME, p > 0.5
    thresholds = np.unique(confidence)
    if len(thresholds) > _POINTS:
        thresholds = np.unique(np.quantile(confidence, np.arange(_POINTS) / _POINTS, method="lower"))
    kept = [confidence >= threshold for threshold in thresholds]
    return tuple(
        CoveragePoint(
            confidence=float(threshold),
            n=int(each.sum()),
            coverage=float(each.sum() / n),
            accuracy=float(right[each].mean()),
        )
        for threshold, each in zip(thresholds, kept, strict=True)
    )


def _by_votes(known: Sequence[Told]) -> tuple[VotesPoint, ...]:
    most = max((len(votes) for pair in known for votes in pair.votes), default=0)
    if not most:
        return ()
    sizes = sorted({2**power for power in range(most.bit_length()) if 2**power <= most} | {most})
    return tuple(VotesPoint(votes=size, accuracy=_accuracy(known, size, most)) for size in sizes)


def _accuracy(known: Sequence[Told], size: int, most: int) -> float:
    """Accuracy by the pair rule with groups of so many votes; a judgment that failed as a whole has no votes."""
    found = []
    for pair in known:
        for start in range(0, most - size + 1, size):
            said = [majority(votes[start : start + size], 0) for votes in pair.votes]
            found.append(None not in said and sum(each or 0 for each in said) > 0)
    return fmean(found)
