"""How well scores tell positives from negatives: area under the ROC curve, precision and recall at a threshold."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Auc:
    """Area under the ROC curve.

    Attributes:
        value: Probability that a random positive scores above a random negative, ties one half; NaN when either kind
            is absent.
        n_positive: Positives.
        n_negative: Negatives.
    """

    value: float
    n_positive: int
    n_negative: int


@dataclass(frozen=True)
class Detection:
    """Positives found by ``score >= threshold``.

    Attributes:
        precision: Share of flagged items that are positive; NaN when nothing was flagged.
        recall: Share of positives that were flagged; NaN when there is none.
        f1: Harmonic mean of the two, as ``2 tp / (positives + flagged)``; NaN when both counts are 0.
        threshold: Lowest score that is flagged.
        n: Items.
        n_positive: Positives.
        n_flagged: Items at or above the threshold.
    """

    precision: float
    recall: float
    f1: float
    threshold: float
    n: int
    n_positive: int
    n_flagged: int


def auc(scores: ArrayLike, positives: ArrayLike) -> Auc:
    """Area under the ROC curve, through the Mann-Whitney U statistic.

    Args:
        scores: Shape [n], larger means more likely positive.
        positives: Truth values, shape [n].

    Raises:
        ValueError: Shapes differ or a score is NaN.
    """
    from scipy.stats import mannwhitneyu

    data, truth = _checked(scores, positives)
    n_positive = int(truth.sum())
    n_negative = len(truth) - n_positive
    value = float("nan")
    if n_positive and n_negative:
        # The p-value is not used, and its exact form would cost more than the statistic.
        statistic = mannwhitneyu(data[truth], data[~truth], method="asymptotic").statistic
        value = float(statistic) / (n_positive * n_negative)
    return Auc(value, n_positive, n_negative)


def detection_at(scores: ArrayLike, positives: ArrayLike, threshold: float) -> Detection:
    """Precision, recall and F1 of calling positive what scores at least ``threshold``.

    Args:
        scores: Shape [n], larger means more likely positive.
        positives: Truth values, shape [n].
        threshold: In the units of the scores.

    Raises:
        ValueError: Shapes differ or a score is NaN.
    """
    data, truth = _checked(scores, positives)
    flagged = data >= threshold
    hits, n_positive, n_flagged = int((flagged & truth).sum()), int(truth.sum()), int(flagged.sum())
    return Detection(
        precision=_ratio(hits, n_flagged),
        recall=_ratio(hits, n_positive),
        f1=_ratio(2 * hits, n_positive + n_flagged),
        threshold=threshold,
        n=len(truth),
        n_positive=n_positive,
        n_flagged=n_flagged,
    )


def _checked(scores: ArrayLike, positives: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    data, truth = np.asarray(scores, dtype=np.float64), np.asarray(positives, dtype=bool)
    if data.shape != truth.shape or data.ndim != 1:
        raise ValueError(
            f"scores of shape {data.shape}, truth values of shape {truth.shape}; one each an item is needed"
        )
    if np.isnan(data).any():
        raise ValueError(f"score {int(np.isnan(data).argmax())} is NaN")
    return data, truth


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
