"""Percentile bootstrap intervals of means over pairs, and of paired differences of means.

Pairs that share a context are not independent, so whole clusters are resampled (Davison & Hinkley, "Bootstrap Methods
and their Application", 1997, section 3.8). For means and their differences neither the order of the pairs nor the
names of the clusters change a digit of the result: clusters enter only through their sum and size.
"""

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_CELLS_PER_CHUNK = 1 << 20
"""Resampling weights held at once (8 MB); bounds the memory for any number of pairs."""


@dataclass(frozen=True)
class Interval:
    """A mean with its percentile bootstrap interval.

    Attributes:
        value: The mean of the values that are there; NaN when none is.
        low: Lower end; NaN when fewer than two clusters leave nothing to resample.
        high: Upper end.
        n: Values used.
        n_missing: Values left out (NaN).
        n_clusters: Clusters resampled.
        level: Nominal coverage, for example 0.95.
    """

    value: float
    low: float
    high: float
    n: int
    n_missing: int
    n_clusters: int
    level: float


@dataclass(frozen=True)
class Difference(Interval):
    """A paired difference of means (first minus second) with its interval.

    Attributes:
        p: Two-sided p-value of "no difference", from the same resamples as the interval: twice the smaller share of
            resampled differences on either side of 0, never below 2 / (resamples + 1). NaN without an interval.
    """

    p: float


def bootstrap_mean(
    values: ArrayLike,
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """The mean over pairs and its interval.

    When all values are equal, the interval has no width: the percentile bootstrap cannot see what did not happen.

    Args:
        values: One value a pair, shape [n]; NaN is missing.
        clusters: A key for each pair, for example a hash of its context; pairs with the same key are resampled
            together. Without keys every pair is its own cluster.
        level: Coverage, in (0, 1).
        resamples: Bootstrap draws.
        seed: Of the numpy generator.

    Raises:
        ValueError: Shapes differ, or a value is infinite, or ``level`` or ``resamples`` is out of range.
    """
    data = _as_values(values)
    known = ~np.isnan(data)
    sums, sizes = _cluster_totals(data, known, clusters)
    value = _mean(data[known])
    low, high = _ends(_resampled_means(sums, sizes, resamples, seed), level)
    return Interval(
        value=value,
        low=low,
        high=high,
        n=int(known.sum()),
        n_missing=int((~known).sum()),
        n_clusters=len(sums),
        level=level,
    )


def bootstrap_difference(
    first: ArrayLike,
    second: ArrayLike,
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Difference:
    """The difference of two means over the same pairs, with its interval and p-value.

    Only pairs where both have a value count; the same clusters are drawn for both.

    Args:
        first: One value a pair, shape [n]; NaN is missing.
        second: The same of the other judge, in the same order of pairs; shape [n].
        clusters: As in :func:`bootstrap_mean`.
        level: Coverage, in (0, 1).
        resamples: Bootstrap draws.
        seed: Of the numpy generator.

    Raises:
        ValueError: As in :func:`bootstrap_mean`.
    """
    one, two = _as_values(first), _as_values(second)
    if one.shape != two.shape:
        raise ValueError(f"{len(one)} and {len(two)} values; the same pairs are needed in both")
    data = one - two
    known = ~np.isnan(data)
    value = _mean(data[known])
    # Resampling the side that leads makes the exchange of first and second change signs and nothing else.
    sign = -1.0 if value < 0 else 1.0
    sums, sizes = _cluster_totals(sign * data, known, clusters)
    means = _resampled_means(sums, sizes, resamples, seed)
    low, high = _ends(means, level)
    if sign < 0:
        low, high = -high, -low
    return Difference(
        value=value,
        low=low,
        high=high,
        n=int(known.sum()),
        n_missing=int((~known).sum()),
        n_clusters=len(sums),
        level=level,
        p=_two_sided_p(means),
    )


def bootstrap_statistic(
    statistic: Callable[[NDArray[np.int64]], float],
    clusters: Sequence[Hashable],
    *,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Any statistic of rows with its percentile interval; rows of a cluster are drawn together.

    Clusters are drawn in the order in which they first appear: give the rows in a fixed order.

    Args:
        statistic: Takes row numbers, with repeats, shape [m]; may be NaN for draws where it is undefined, which are
            left out.
        clusters: The cluster of each row, length n.
        level: Coverage, in (0, 1).
        resamples: Bootstrap draws.
        seed: Of the numpy generator.
    """
    members: dict[Hashable, list[int]] = {}
    for row, key in enumerate(clusters):
        members.setdefault(key, []).append(row)
    groups = [np.array(rows, dtype=np.int64) for rows in members.values()]
    generator = np.random.default_rng(seed)
    draws = (generator.integers(len(groups), size=len(groups)) for _ in range(resamples if len(groups) > 1 else 0))
    found = np.array([statistic(np.concatenate([groups[g] for g in draw])) for draw in draws], dtype=np.float64)
    low, high = _ends(found[~np.isnan(found)], level)
    value = statistic(np.arange(len(clusters)))
    return Interval(value=value, low=low, high=high, n=len(clusters), n_missing=0, n_clusters=len(groups), level=level)


def _as_values(values: ArrayLike) -> NDArray[np.float64]:
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 1:
        raise ValueError(f"one value a pair is needed; got an array of shape {data.shape}")
    if np.isinf(data).any():
        raise ValueError(f"value {int(np.isinf(data).argmax())} is infinite")
    return data


def _mean(values: NDArray[np.float64]) -> float:
    # Summed without rounding, so that neither the order of the pairs nor their sign can reach the last digit.
    return math.fsum(values) / len(values) if len(values) else float("nan")


def _cluster_totals(
    data: NDArray[np.float64], known: NDArray[np.bool_], clusters: Sequence[Hashable] | None
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Sum and size of each cluster with a known value, both of shape [clusters]."""
    if clusters is None:
        return data[known], np.ones(int(known.sum()), dtype=np.int64)
    if len(clusters) != len(data):
        raise ValueError(f"{len(data)} values but {len(clusters)} cluster keys")
    numbers: dict[Hashable, int] = {}
    keys = np.array([numbers.setdefault(key, len(numbers)) for key in clusters], dtype=np.int64)[known]
    if not len(keys):
        return np.empty(0), np.empty(0, dtype=np.int64)
    by_cluster = np.lexsort((data[known], keys))
    starts = np.unique(keys[by_cluster], return_index=True)[1]
    sizes = np.diff(np.append(starts, len(keys)))
    return np.add.reduceat(data[known][by_cluster], starts), sizes


def _resampled_means(
    sums: NDArray[np.float64], sizes: NDArray[np.int64], resamples: int, seed: int
) -> NDArray[np.float64]:
    """Means of ``resamples`` draws of clusters with replacement, shape [resamples]; empty below two clusters."""
    if resamples < 1:
        raise ValueError(f"resamples is {resamples}; at least 1 is needed")
    if len(sums) < 2:
        return np.empty(0)
    # Clusters with equal sum and size are exchangeable, so the count of each kind is what is drawn: three kinds
    # for a million verdicts. The sorted kinds are also what makes the order of the pairs irrelevant.
    kinds, counts = np.unique(np.column_stack([sums, sizes.astype(np.float64)]), axis=0, return_counts=True)
    if len(kinds) == 1:
        return np.full(resamples, kinds[0, 0] / kinds[0, 1])
    generator = np.random.default_rng(seed)
    return np.concatenate([_weighted_mean(kinds, weights) for weights in _draws(generator, counts, resamples)])


def _draws(generator: np.random.Generator, counts: NDArray[np.int64], resamples: int) -> Iterator[NDArray[np.int64]]:
    total = int(counts.sum())
    rows = max(1, _CELLS_PER_CHUNK // len(counts))
    for start in range(0, resamples, rows):
        yield generator.multinomial(total, counts / total, size=min(rows, resamples - start))


def _weighted_mean(kinds: NDArray[np.float64], weights: NDArray[np.int64]) -> NDArray[np.float64]:
    totals = weights @ kinds
    return totals[:, 0] / totals[:, 1]


def _ends(means: NDArray[np.float64], level: float) -> tuple[float, float]:
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it must lie between 0 and 1")
    if not len(means):
        return float("nan"), float("nan")
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _two_sided_p(means: NDArray[np.float64]) -> float:
    if not len(means):
        return float("nan")
    smaller = min(int((means <= 0).sum()), int((means >= 0).sum()))
    return min(1.0, 2 * (smaller + 1) / (len(means) + 1))
