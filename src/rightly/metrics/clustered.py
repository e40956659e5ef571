"""Intervals and paired tests over pairs that share contexts: one method for every page.

Pairs that share a context are not independent, so the unit is the context (the cluster), not the pair. A figure is
computed again without each cluster in turn; the spread of these values is its variance (the delete-one-cluster jackknife:
Tukey, 1958; on why it is preferred to the sandwich for clusters, Hansen, "Jackknife Standard Errors for Clustered
Regression", 2025). The quantile is Student's, with the degrees of freedom of the clusters, or fewer where few clusters
carry the variance (a Satterthwaite approximation from the fourth moment). Figures in [0, 1] get the score interval of Wilson
(1927) at the effective sample size ``m (1 - m) / variance``, so that an interval neither leaves [0, 1] nor loses its width
near an end; a difference of two is treated as the share ``(1 + difference) / 2``.

The p-value is that of the interval: it is below 1 - level exactly where the interval leaves out 0. Nothing is drawn, so
there is no seed and no smallest p-value. ``docs/evidence/statistics.md`` has the levels and coverages that were measured.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """A figure with the data for its interval and its test.

    Attributes:
        value: Value of the figure; NaN without data.
        variance: Variance of the figure, by the jackknife; NaN for fewer than two clusters.
        freedom: Degrees of freedom of Student's distribution.
        n: Number of values behind the figure; the effective sample size if all clusters are alike.
        n_clusters: Number of clusters, each left out in turn.
    """

    value: float
    variance: float
    freedom: float
    n: int
    n_clusters: int

    @property
    def standard_error(self) -> float:
        """Square root of the variance."""
        return math.sqrt(self.variance)

    def share_ends(self, level: float = LEVEL) -> tuple[float, float]:
        """The interval of a figure in [0, 1]; NaN twice where there is none."""
        share = min(max(self.value, 0.0), 1.0)
        if math.isnan(share) or math.isnan(self.variance):
            return math.nan, math.nan
        k = self._quantile(level) ** 2 / self._effective(share, self.variance)
        middle, half = (share + k / 2) / (1 + k), math.sqrt(k * share * (1 - share) + k * k / 4) / (1 + k)
        return max(0.0, middle - half), min(1.0, middle + half)

    def difference_ends(self, level: float = LEVEL) -> tuple[float, float]:
        """The interval of a difference in [-1, 1]; NaN twice where there is none.

        Where no pair differs, the difference is at most the share of pairs that do, whose interval begins at 0.
        """
        if self.variance <= _ZERO and self.value == 0:
            _, most = Spread(0.0, 0.0, self.freedom, self.n, self.n_clusters).share_ends(level)
            return -most, most
        low, high = self._as_share().share_ends(level)
        return 2 * low - 1, 2 * high - 1

    def difference_p(self) -> float:
        """Two-sided p-value of "the difference is 0"; NaN where there is no interval."""
        from scipy.special import stdtr

        if math.isnan(self.variance) or math.isnan(self.value):
            return math.nan
        share = self._as_share()
        score = abs(self.value) * math.sqrt(share._effective(share.value, share.variance)) if self.value else 0.0
        return float(2 * stdtr(self.freedom, -score))

    def needed(self, *, power: float = 0.8) -> int | None:
        """Values of this kind that a test of this difference would need at 5% with this power; ``None`` where unknown."""
        from scipy.special import ndtri

        if not self.value or math.isnan(self.value) or not self.variance > _ZERO:
            return None
        errors = float(ndtri(0.975) + ndtri(power)) * self.standard_error / self.value
        return max(1, math.ceil(self.n * errors**2))

    def _as_share(self) -> "Spread":
        return Spread((1 + self.value) / 2, self.variance / 4, self.freedom, self.n, self.n_clusters)

    def _effective(self, share: float, variance: float) -> float:
        """Independent values that would tell as much."""
        known = share * (1 - share)
        return known / variance if variance > _ZERO and known > 0 else float(self.n)

    def _quantile(self, level: float) -> float:
        from scipy.special import stdtrit

        if not 0 < level < 1:
            raise ValueError(f"level is {level}; it must lie between 0 and 1")
        return float(stdtrit(self.freedom, (1 + level) / 2))


_ZERO = 1e-20
"""Variances up to this are rounding errors."""

_FEWEST = 2.0
"""Degrees of freedom where dependent pairs are all alike: then nothing is known of their dependence."""


def clustered_mean(values: ArrayLike, clusters: Sequence[Hashable] | None = None) -> Spread:
    """The mean over pairs; pairs without a value do not count.

    Args:
        values: One value per pair in [0, 1], shape [n]; NaN is missing.
        clusters: Key of each pair, for example a hash of its context. Without keys every pair is its own cluster.

    Raises:
        ValueError: Shapes differ, or a value lies outside [0, 1].
    """
    return _spread_of_mean(_checked(values), clusters)


def paired_difference(first: ArrayLike, second: ArrayLike, clusters: Sequence[Hashable] | None = None) -> Spread:
    """The difference of two means over the same pairs, first minus second; pairs where either is missing do not count.

    Args:
        first: One value per pair in [0, 1], shape [n]; NaN is missing.
        second: Values of the other judge, in the same order of pairs; shape [n].
        clusters: Key of each pair, see :func:`clustered_mean`.

    Raises:
        ValueError: The conditions of :func:`clustered_mean`.
    """
    one, two = _checked(first), _checked(second)
    if one.shape != two.shape:
        raise ValueError(f"{len(one)} and {len(two)} values; the same pairs are needed in both")
    return _spread_of_mean(one - two, clusters)


def difference_of_groups(
    values: ArrayLike, inside: Sequence[bool], clusters: Sequence[Hashable] | None = None
) -> Spread:
    """The mean of the values inside a group of pairs minus the mean of the others; a cluster may have pairs in both.

    Args:
        values: One value per pair in [0, 1], shape [n], none missing.
        inside: Whether each pair belongs to the group; length n.
        clusters: Key of each pair, see :func:`clustered_mean`.

    Raises:
        ValueError: The conditions of :func:`clustered_mean`.
    """
    data, where = _checked(values), np.asarray(inside, dtype=bool)
    if data.shape != where.shape or np.isnan(data).any():
        raise ValueError(f"{len(data)} values, of which none may be missing, and {len(where)} places")
    keys, count = _numbered(clusters, len(data))
    sums, sizes = ([np.bincount(keys, w * side, count) for side in (where, ~where)] for w in (data, np.ones(len(data))))
    with np.errstate(invalid="ignore", divide="ignore"):
        value = sums[0].sum() / sizes[0].sum() - sums[1].sum() / sizes[1].sum()
        left_out = [(s.sum() - s) / (n.sum() - n) for s, n in zip(sums, sizes, strict=True)]
    return jackknife(float(value), [left_out[0] - left_out[1]], n=len(data), repeated=count < len(data))


def statistic_spread(statistic: Callable[[NDArray[np.int64]], float], clusters: Sequence[Hashable]) -> Spread:
    """Any smooth statistic of rows (an area under a curve, a rank correlation), computed without each cluster in turn.

    Args:
        statistic: Function of row numbers, shape [m]; it may return NaN if undefined, and such values are excluded.
        clusters: Cluster of each row, length n.
    """
    keys, count = _numbered(clusters, len(clusters))
    rows = np.arange(len(clusters))
    left_out = np.array([statistic(rows[keys != key]) for key in range(count)] if count > 1 else [])
    return jackknife(statistic(rows), [left_out], n=len(rows), repeated=count < len(rows))


def jackknife(value: float, left_out: Sequence[Values], *, n: int, repeated: bool) -> Spread:
    """The spread of a figure from its values without each cluster.

    Args:
        value: Value of the figure.
        left_out: One array for each stratum (a domain whose size is fixed; mostly there is one): the figure without each
            of its clusters. A stratum of one cluster has no spread and is not seen.
        n: Number of values behind the figure.
        repeated: Whether some cluster has several pairs, so that their dependence is estimated too.
    """
    clusters = sum(map(len, left_out))
    strata = [each[~np.isnan(each)] for each in left_out]
    strata = [each for each in strata if len(each) > 1]
    if math.isnan(value) or not strata:
        return Spread(value, math.nan, 1.0, n, clusters)
    variance = by_size = by_shape = 0.0
    for each in strata:
        count, squares = len(each), (each - each.mean()) ** 2
        factor = (count - 1) / count
        own = factor * float(squares.sum())
        variance += own
        by_size += own**2 / (count - 1)
        by_shape += factor**2 * float((squares**2).sum() - squares.sum() ** 2 / count) / 2
    if variance <= _ZERO:
        return Spread(value, 0.0, _FEWEST if repeated else float(sum(map(len, strata)) - len(strata)), n, clusters)
    freedom = variance**2 / max(by_size, by_shape if repeated else 0.0)
    return Spread(value, variance, freedom, n, clusters)


def _spread_of_mean(data: Values, clusters: Sequence[Hashable] | None) -> Spread:
    known = ~np.isnan(data)
    if clusters is not None and len(clusters) != len(data):
        raise ValueError(f"{len(data)} values but {len(clusters)} cluster keys")
    chosen = None if clusters is None else [clusters[row] for row in np.flatnonzero(known).tolist()]
    data = data[known]
    if not len(data):
        return Spread(math.nan, math.nan, 1.0, 0, 0)
    keys, count = _numbered(chosen, len(data))
    # Summed without rounding and in order of size, so that neither the order of the pairs nor their sign reaches a digit.
    order = np.lexsort((data, keys))
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    sums, sizes = np.add.reduceat(data[order], starts), np.bincount(keys, minlength=count).astype(float)
    total = math.fsum(data)
    left_out = np.sort((total - sums) / (len(data) - sizes)) if count > 1 else np.array([math.nan])
    return jackknife(total / len(data), [left_out], n=len(data), repeated=count < len(data))


def _numbered(clusters: Sequence[Hashable] | None, n: int) -> tuple[NDArray[np.int64], int]:
    """Clusters as 0, 1, ... in order of appearance, and how many there are."""
    if clusters is None:
        return np.arange(n), n
    if len(clusters) != n:
        raise ValueError(f"{n} values but {len(clusters)} cluster keys")
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in clusters], dtype=np.int64), len(numbers)


def _checked(values: ArrayLike) -> Values:
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 1:
        raise ValueError(f"one value a pair is needed; got an array of shape {data.shape}")
    outside = (data < -_ROUNDING) | (data > 1 + _ROUNDING)
    if outside.any():
        raise ValueError(f"value {int(outside.argmax())} is {data[outside.argmax()]:g}, expected 0 to 1")
    return np.clip(data, 0, 1)


_ROUNDING = 1e-9
