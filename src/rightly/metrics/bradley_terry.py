"""Bradley-Terry strengths from battles, with ties, weights, a prior, features of the battles, and robust intervals.

``P(first beats second) = sigma(s_first - s_second + x . b)`` (Bradley and Terry, 1952). A tie counts as half a win for each, as
arenas do. Intervals are from the sandwich (robust) covariance, whose scores are summed over clusters, so that several battles
on one question count as what they are; for few clusters it is widened by ``g / (g - k)`` (``g`` clusters, ``k`` parameters that
are fitted) and the quantile is Student's with ``g - k`` degrees of freedom.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_DIVERGED = 30.0


@dataclass(frozen=True)
class BradleyTerry:
    """A fit of ``k`` players and ``f`` features.

    Attributes:
        names: Names of the players, sorted.
        strengths: Strengths in log-odds, ``(k,)``; 0 for the first player without a prior.
        coefficients: Coefficients of the features, ``(f,)``.
        covariance: Covariance of strengths and coefficients, ``(k + f, k + f)``; 0 for a strength that was not fitted.
        n: Number of battles.
        freedom: Number of clusters minus number of fitted parameters; below 1 there is no interval.
    """

    names: tuple[str | int, ...]
    strengths: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    covariance: NDArray[np.float64]
    n: int
    freedom: int

    def win_rate(self, first: str | int, second: str | int, *, level: float = 0.95) -> tuple[float, float, float]:
        """Probability that ``first`` beats ``second`` where all features are 0, and the ends of its interval (NaN without one).

        Args:
            first: Name of a player.
            second: Name of another player.
            level: Coverage of the interval.
        """
        from scipy.special import stdtrit

        i, j = self.names.index(first), self.names.index(second)
        difference = self.strengths[i] - self.strengths[j]
        variance = self.covariance[i, i] + self.covariance[j, j] - 2 * self.covariance[i, j]
        half = stdtrit(self.freedom, (1 + level) / 2) * np.sqrt(max(variance, 0.0)) if self.freedom > 0 else np.nan
        low, middle, high = (float(_sigmoid(difference + step)) for step in (-half, 0.0, half))
        return middle, low, high


def bradley_terry(
    first: Sequence[str] | Sequence[int],
    second: Sequence[str] | Sequence[int],
    outcomes: ArrayLike,
    *,
    features: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    prior: float | None = None,
    clusters: Sequence[Hashable] | None = None,
) -> BradleyTerry:
    """Fit by maximum likelihood, or with a prior by maximum posterior (Newton's method).

    Args:
        first: First player of each battle, ``(n,)``.
        second: Second player of each battle, ``(n,)``.
        outcomes: Result of each battle, ``(n,)``: 1 if the first won, 0 if the second did, 0.5 for a tie.
        features: Features from the first player's side, ``(n, f)``.
        weights: Weights of the battles, ``(n,)``, at least 0.
        prior: Standard deviation of a normal prior of every strength around 0, in logits: a player who wins or loses every
            battle, or is not connected to the others, then has a finite strength. Features have no prior.
        clusters: Cluster of each battle, ``(n,)``; battles in one cluster (a question) are dependent.

    Raises:
        ValueError: Shapes differ, an outcome is out of range, the players are not connected by battles, or a player (or a
            feature) wins every battle, so that no finite strength fits best (with a prior only a feature can).
    """
    y = np.asarray(outcomes, dtype=float)
    x = np.zeros((len(y), 0)) if features is None else np.asarray(features, dtype=float)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)
    if not (len(first) == len(second) == len(y) == len(x) == len(w)) or len(y) == 0:
        raise ValueError(
            f"{len(first)} and {len(second)} players, {len(y)} outcomes, {len(x)} features, {len(w)} weights"
        )
    if ((y < 0) | (y > 1) | ~np.isfinite(y)).any() or (w < 0).any() or not np.isfinite(x).all():
        raise ValueError("outcomes must be within 0 and 1, weights not negative, features finite")
    names = tuple(sorted({*first, *second}))
    place = {name: i for i, name in enumerate(names)}
    design = np.zeros((len(y), len(names) + x.shape[1]))
    rows = np.arange(len(y))
    design[rows, [place[name] for name in first]] += 1
    design[rows, [place[name] for name in second]] -= 1
    design[:, len(names) :] = x
    free = np.arange(1 if prior is None else 0, design.shape[1])
    penalty = np.where(free < len(names), 0.0 if prior is None else prior**-2, 0.0)
    found, hessian = _newton(design[:, free], y, w, penalty)
    residuals = w * (y - _sigmoid(design[:, free] @ found))
    scores = _sum_by(design[:, free] * residuals[:, None], clusters)
    inverse = np.linalg.inv(hessian)
    whole = np.zeros(design.shape[1])
    whole[free] = found
    covariance = np.zeros((design.shape[1],) * 2)
    freedom = len(scores) - len(free)
    few = len(scores) / freedom if freedom > 0 else 1.0
    covariance[np.ix_(free, free)] = few * inverse @ (scores.T @ scores) @ inverse
    return BradleyTerry(names, whole[: len(names)], whole[len(names) :], covariance, len(y), freedom)


def _newton(
    design: NDArray[np.float64], y: NDArray[np.float64], w: NDArray[np.float64], penalty: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    found, hessian = np.zeros(design.shape[1]), np.zeros((design.shape[1],) * 2)
    for _ in range(100):
        p = _sigmoid(design @ found)
        gradient = design.T @ (w * (y - p)) - penalty * found
        hessian = (design * (w * p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        if np.linalg.matrix_rank(hessian) < len(found) or np.abs(found).max(initial=0.0) > _DIVERGED:
            raise ValueError("no finite fit: players are not connected, or one side wins every battle of some player")
        step = np.linalg.solve(hessian, gradient)
        found = found + step * min(1.0, 5.0 / max(np.abs(step).max(initial=0.0), 1e-12))
        if np.abs(step).max(initial=0.0) < 1e-10:
            break
    return found, hessian


def _sum_by(rows: NDArray[np.float64], clusters: Sequence[Hashable] | None) -> NDArray[np.float64]:
    if clusters is None:
        return rows
    numbers = {key: number for number, key in enumerate(dict.fromkeys(clusters))}
    total = np.zeros((len(numbers), rows.shape[1]))
    np.add.at(total, [numbers[key] for key in clusters], rows)
    return total


def _sigmoid(values: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.exp(-np.logaddexp(0, -np.asarray(values)))
