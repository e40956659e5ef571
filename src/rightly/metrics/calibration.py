"""Do probabilities of preference mean what they say? NLL, Brier score, reliability, expected calibration error.

A Bradley-Terry reward model says that the labelled response is better with probability ``sigmoid(margin)``. The label is
right by construction, so reliability is read off the *preferred* response instead: the confidence is
``max(p, 1 - p)``, and it was right when the label agrees.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit

from rightly.types import Frozen


class ReliabilityBin(Frozen):
    """Pairs of similar confidence: their number, mean confidence and share of right preferences."""

    n: int
    confidence: float
    accuracy: float


def negative_log_likelihood(margins: ArrayLike, targets: ArrayLike | None = None) -> float:
    """Mean of ``-[t log sigma(d) + (1 - t) log sigma(-d)]``, from the margins so that nothing saturates.

    Args:
        margins: ``(N,)`` reward of the labelled response minus the other's.
        targets: ``(N,)`` probability that the label is right; 1 where not given.
    """
    d, t = _checked(margins, targets)
    return float(np.mean(t * np.logaddexp(0, -d) + (1 - t) * np.logaddexp(0, d)))


def brier_score(margins: ArrayLike, targets: ArrayLike | None = None) -> float:
    """Mean squared distance of ``sigmoid(margin)`` from the target (Brier, 1950)."""
    d, t = _checked(margins, targets)
    return float(np.mean((expit(d) - t) ** 2))


def reliability(
    margins: ArrayLike,
    targets: ArrayLike | None = None,
    *,
    bins: int = 15,
    kind: Literal["width", "mass"] = "width",
) -> tuple[ReliabilityBin, ...]:
    """Accuracy against confidence; bins without pairs are left out.

    Args:
        margins: ``(N,)``; an exact 0 prefers nothing and counts half.
        targets: ``(N,)``.
        bins: Number of bins.
        kind: Bins of equal width over [1/2, 1] (Guo et al., "On Calibration of Modern Neural Networks", 2017), or of
            equally many pairs (Nixon et al., "Measuring Calibration in Deep Learning", 2019).
    """
    d, t = _checked(margins, targets)
    confidence = expit(np.abs(d))
    right = np.where(d > 0, t, np.where(d < 0, 1 - t, 0.5))
    if kind == "width":
        place = np.minimum(((confidence - 0.5) * 2 * bins).astype(int), bins - 1)
    else:
        place = np.empty(len(d), dtype=int)
        place[np.argsort(confidence, kind="stable")] = np.arange(len(d)) * bins // len(d)
    groups = (place == number for number in range(bins))
    return tuple(
        ReliabilityBin(
            n=int(group.sum()), confidence=float(confidence[group].mean()), accuracy=float(right[group].mean())
        )
        for group in groups
        if group.any()
    )


def expected_calibration_error(curve: tuple[ReliabilityBin, ...]) -> float:
    """Mean distance of accuracy from confidence over the pairs of a reliability curve (Guo et al., 2017, eq. 3)."""
    total = sum(each.n for each in curve)
    return sum(each.n * abs(each.accuracy - each.confidence) for each in curve) / total


def fit_temperature(margins: ArrayLike, targets: ArrayLike | None = None) -> float:
    """The T that makes ``sigmoid(margin / T)`` likeliest (Guo et al., 2017, section 4.2).

    Returns:
        T within 1/1000 and 1000 times the margins' mean size; at an end where the likelihood has no maximum between
        (every preference right: any smaller T is likelier). NaN where all margins are 0.
    """
    d, t = _checked(margins, targets)
    scale = float(np.mean(np.abs(d)))
    if scale == 0:
        return float("nan")

    def loss(log_t: float) -> float:
        return negative_log_likelihood(d / (scale * np.exp(log_t)), t)

    found = minimize_scalar(loss, bounds=(-np.log(1e3), np.log(1e3)), method="bounded")
    return scale * float(np.exp(found.x))  # type: ignore[attr-defined]


def _checked(margins: ArrayLike, targets: ArrayLike | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    d = np.asarray(margins, dtype=np.float64)
    t = np.ones_like(d) if targets is None else np.asarray(targets, dtype=np.float64)
    if d.ndim != 1 or d.shape != t.shape or not len(d):
        raise ValueError(f"margins {d.shape} and targets {t.shape} must be vectors of one length, not empty")
    if np.isnan(d).any():
        raise ValueError(f"margin {int(np.flatnonzero(np.isnan(d))[0])} is NaN")
    if not ((t >= 0) & (t <= 1)).all():
        raise ValueError("targets must lie in [0, 1]")
    return d, t
