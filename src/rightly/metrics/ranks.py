"""Ranks that treat equal values alike, and bins of equally many items that never separate equal values."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def mid_ranks(values: ArrayLike) -> NDArray[np.float64]:
    """Ranks in (0, n), each the middle of its place: the smallest of n has 1/2, equal values share their mean.

    Args:
        values: Values without NaN, shape [n].

    Returns:
        Shape [n].
    """
    _, group, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - counts / 2)[group]


def equal_mass_bins(values: ArrayLike, bins: int) -> NDArray[np.int64]:
    """The quantile bin of each value, from 0 for the smallest.

    Equal values share a bin, so that the order of the items changes nothing; then bins are uneven, and some are empty.

    Args:
        values: Values without NaN, shape [n].
        bins: Number of bins.

    Returns:
        Shape [n], in [0, bins).
    """
    ranks = mid_ranks(values)
    return (ranks * bins / max(len(ranks), 1)).astype(np.int64)


def rank_correlation(first: ArrayLike, second: ArrayLike) -> float:
    """Spearman's correlation; NaN where either side is constant.

    Args:
        first: Values of one side, shape [n].
        second: Values of the other side, shape [n].
    """
    one, two = mid_ranks(first), mid_ranks(second)
    if not (len(one) and np.ptp(one) and np.ptp(two)):
        return float("nan")
    return float(np.clip(np.corrcoef(one, two)[0, 1], -1, 1))
