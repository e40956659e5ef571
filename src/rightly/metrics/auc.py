"""How well scores separate positives from negatives: area under the ROC curve."""

import numpy as np
from numpy.typing import ArrayLike


def auc(scores: ArrayLike, positives: ArrayLike) -> float:
    """Area under the ROC curve, through the Mann-Whitney U statistic.

    Args:
        scores: Scores, shape [n]; larger means more likely positive.
        positives: Truth values, shape [n].

    Returns:
        Probability that a random positive scores above a random negative, ties one half; NaN when either kind is absent.

    Raises:
        ValueError: Shapes differ or a score is NaN.
    """
    from scipy.stats import mannwhitneyu

    data, truth = np.asarray(scores, dtype=np.float64), np.asarray(positives, dtype=bool)
    if data.shape != truth.shape or data.ndim != 1:
        raise ValueError(
            f"scores of shape {data.shape}, truth values of shape {truth.shape}; one each an item is needed"
        )
    if np.isnan(data).any():
        raise ValueError(f"score {int(np.isnan(data).argmax())} is NaN")
    pairs = int(truth.sum()) * int((~truth).sum())
    if not pairs:
        return float("nan")
    # The p-value is not used, and its exact form would cost more than the statistic.
    return float(mannwhitneyu(data[truth], data[~truth], method="asymptotic").statistic) / pairs
