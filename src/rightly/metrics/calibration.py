"""Calibration of preference probabilities: NLL, Brier score, reliability, calibration error, temperature.

A Bradley-Terry reward model says that the labelled response is better with probability ``sigmoid(margin)``, the margin
being the labelled response's reward minus the other's. Setting that probability against the label would say nothing:
the label is right in every row, so a calibrated model would have to be certain. Reliability is therefore read off the
response that the *model* prefers: its confidence is ``max(p, 1 - p)``, in [1/2, 1], and it is right where the label
agrees. Which response of a pair stands first then changes no figure.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rightly.errors import InputError
from rightly.metrics.ranks import equal_mass_bins
from rightly.types import Frozen

BINS = 15
"""Number of bins in Guo et al., "On Calibration of Modern Neural Networks", 2017."""


class ReliabilityBin(Frozen):
    """Pairs of similar confidence.

    Attributes:
        n: Number of pairs.
        confidence: Mean of ``max(p, 1 - p)``.
        accuracy: Share of pairs whose preferred response is the better one; with soft targets its expectation.
    """

    n: int
    confidence: float
    accuracy: float


def preference_probability(margins: ArrayLike) -> NDArray[np.float64]:
    """``sigmoid(margin)``, of any shape; precise however small, and exactly 1/2 at 0."""
    d = np.asarray(margins, dtype=np.float64)
    small = np.exp(-np.abs(d))
    return np.where(d < 0, small, 1.0) / (1 + small)


def negative_log_likelihood(margins: ArrayLike, targets: ArrayLike | None = None) -> float:
    """Mean of ``-[t log sigma(d) + (1 - t) log sigma(-d)]`` in nats, from margins because probabilities saturate.

    Args:
        margins: Reward of the labelled response minus the other one, ``(N,)``.
        targets: Probability that the label is right, ``(N,)``; 1 by default.

    Raises:
        InputError: The conditions of :func:`checked`.
        ValueError: The conditions of :func:`checked`.
    """
    d, t = checked("margin", margins, targets)
    return float(np.mean(t * np.logaddexp(0, -d) + (1 - t) * np.logaddexp(0, d)))


def brier_score(probabilities: ArrayLike, targets: ArrayLike | None = None) -> float:
    """Mean of ``(p - t)^2``, in [0, 1]; 1/4 for a model that knows nothing.

    The two-class score, half of the sum over both classes in Brier, "Verification of forecasts expressed in terms of
    probability", 1950.

    Args:
        probabilities: Probability that the labelled response is better, ``(N,)``.
        targets: Probability that the label is right, ``(N,)``; 1 by default.

    Raises:
        InputError: The conditions of :func:`checked`.
        ValueError: The conditions of :func:`checked`.
    """
    p, t = checked("probability", probabilities, targets)
    return float(np.mean((p - t) ** 2))


def reliability(
    probabilities: ArrayLike, targets: ArrayLike | None = None, *, bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """Accuracy against confidence, least confident first, in bins of equally many pairs; empty bins are left out.

    A probability of exactly 1/2 prefers nothing and counts half. Bins of equal mass (Nguyen & O'Connor, "Posterior calibration
    and exploratory analysis for natural language processing models", 2015) rather than of equal width: over [1/2, 1] a weak
    model leaves most equal parts nearly empty, and the calibration error from equal masses has the smaller bias (Roelofs et
    al., "Mitigating Bias in Calibration Error Estimation", 2022). Pairs of equal confidence share a bin.

    Args:
        probabilities: Probability that the labelled response is better, ``(N,)``.
        targets: Probability that the label is right, ``(N,)``; 1 by default.
        bins: Maximum number of bins.

    Raises:
        InputError: The conditions of :func:`checked`.
        ValueError: The conditions of :func:`checked`, or ``bins`` is below 1.
    """
    p, t = checked("probability", probabilities, targets)
    if bins < 1:
        raise ValueError(f"bins is {bins}; at least 1 is needed")
    confidence = np.maximum(p, 1 - p)
    right = np.where(p > 0.5, t, np.where(p < 0.5, 1 - t, 0.5))
    place = equal_mass_bins(confidence, bins)
    sizes = np.bincount(place, minlength=bins)
    sums = (np.bincount(place, weights=of, minlength=bins) for of in (confidence, right))
    rows = zip(sizes.tolist(), *(total.tolist() for total in sums), strict=True)
    return tuple(ReliabilityBin(n=n, confidence=sure / n, accuracy=hits / n) for n, sure, hits in rows if n)


def expected_calibration_error(
    probabilities: ArrayLike, targets: ArrayLike | None = None, *, bins: int = BINS
) -> float:
    """Mean distance of accuracy from confidence over the bins, weighted by their pairs (Guo et al., 2017, eq. 3).

    It is biased upwards where bins hold few pairs: even a calibrated model shows about
    ``sqrt(2 bins a (1 - a) / (pi N))`` at accuracy ``a``. So compare it between models on the same pairs only. The
    arguments are those of :func:`reliability`.
    """
    curve = reliability(probabilities, targets, bins=bins)
    return sum(each.n * abs(each.accuracy - each.confidence) for each in curve) / sum(each.n for each in curve)


def fit_temperature(margins: ArrayLike, targets: ArrayLike | None = None) -> float:
    """The T > 0 that makes ``sigmoid(margin / T)`` likeliest (Guo et al., 2017, section 4.2).

    The likelihood is concave in 1 / T, so its slope has at most one zero. T above 1 says that the model is too sure of
    itself, below 1 that it is not sure enough.

    Args:
        margins: Reward of the labelled response minus the other one, ``(N,)``.
        targets: Probability that the label is right, ``(N,)``; 1 by default.

    Returns:
        T in the units of the margins. 0 where every preference is certainly right (any smaller T is likelier),
        infinity where the margins predict no better than chance (any larger T is likelier), NaN where all are 0.

    Raises:
        InputError: The conditions of :func:`checked`.
        ValueError: The conditions of :func:`checked`.
    """
    from scipy.optimize import brentq

    d, t = checked("margin", margins, targets)
    scale = float(np.abs(d).max())
    if scale == 0:
        return float("nan")
    x = d / scale

    def slope(sharpness: float) -> float:
        return float(np.mean(x * (preference_probability(sharpness * x) - t)))

    if slope(0.0) >= 0:
        return float("inf")
    if np.all(t[d > 0] == 1) and np.all(t[d < 0] == 0):
        return 0.0
    low = high = 1.0
    while slope(high) < 0:
        low, high = high, 2 * high
    while slope(low) > 0:
        low, high = low / 2, low
    return scale / float(brentq(slope, low, high, xtol=1e-12 * low, rtol=1e-14))  # type: ignore[arg-type]


def checked(
    name: Literal["margin", "probability"], values: ArrayLike, targets: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values and targets as float64 vectors ``(N,)``; targets are 1 where not given.

    Raises:
        InputError: There is no value, or one of them, or a target, is out of its range: not finite, or not in [0, 1].
        ValueError: The shapes differ or are no vectors.
    """
    data = np.asarray(values, dtype=np.float64)
    t = np.ones_like(data) if targets is None else np.asarray(targets, dtype=np.float64)
    if data.ndim != 1 or data.shape != t.shape:
        raise ValueError(f"{name} of shape {data.shape}, targets of shape {t.shape}; one each a pair is needed")
    if not len(data):
        raise InputError("there is no pair to evaluate")
    usable = np.isfinite(data) if name == "margin" else (data >= 0) & (data <= 1)
    _require(name, "finite" if name == "margin" else "in [0, 1]", data, usable)
    _require("target", "in [0, 1]", t, (t >= 0) & (t <= 1))
    return data, t


def _require(name: str, what: str, data: NDArray[np.float64], usable: NDArray[np.bool_]) -> None:
    if not usable.all():
        index = int(usable.argmin())
        raise InputError(f"{name} {index} is {data[index]:g}; it must be {what}")
