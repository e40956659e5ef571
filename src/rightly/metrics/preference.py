"""All metrics of a reward model's margins on labelled pairs: accuracy, calibration, distribution, length, strength."""

import math
from collections.abc import Hashable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rightly.errors import InputError
from rightly.metrics.calibration import (
    ReliabilityBin,
    brier_score,
    checked,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    preference_probability,
    reliability,
)
from rightly.metrics.clustered import LEVEL, clustered_mean
from rightly.metrics.ranks import equal_mass_bins, rank_correlation
from rightly.metrics.ties import decided
from rightly.types import Frozen

TiePolicy = Literal["wrong", "half"]
"""Credit of a tie, a margin of at most `rightly.metrics.ties.TIE`, in an accuracy."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

STRENGTH_BINS = 5

_HALF_EDGES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
HISTOGRAM_EDGES = (*(-edge for edge in reversed(_HALF_EDGES)), 0.0, *_HALF_EDGES)
"""The same for every model and step, so that histograms compare; doubling, so that no scale of rewards falls into one
bin. A margin on an edge belongs to the bin above."""


class Slice(Frozen):
    """Accuracy of part of the pairs.

    Attributes:
        name: Name of the part.
        n: Number of its pairs with a better response.
        accuracy: Share of these pairs that the model gets right.
        accuracy_low: Lower end of its 95% interval over clusters; ``None`` below two clusters.
        accuracy_high: Upper end.
    """

    name: str
    n: int
    accuracy: float
    accuracy_low: float | None
    accuracy_high: float | None


class StrengthSlice(Slice):
    """Accuracy of a quintile of strength.

    Attributes:
        weakest: Least strength in the quintile.
        strongest: Largest strength in the quintile.
    """

    weakest: float
    strongest: float


class PreferenceMetrics(Frozen):
    """Figures of one reward model on one set of labelled pairs.

    Attributes:
        n: Number of pairs, over which every figure except the accuracies is computed.
        n_clusters: Number of clusters of pairs with a better response.
        undecided: Number of pairs with a target of exactly 1/2; they have no better response and are in no accuracy.
        turned: Number of pairs with a target below 1/2, reversed so that the better response comes first.
        ties: Number of pairs with a better response and a margin of at most `rightly.metrics.ties.TIE`, which counts as 0.
        tie_policy: Credit of these ties.
        accuracy: Share of the ``n - undecided`` pairs with a margin above the ties'.
        accuracy_low: Lower end of its 95% interval over clusters; ``None`` below two clusters.
        accuracy_high: Upper end.
        nll: Mean negative log-likelihood of the targets, nats.
        brier: Brier score.
        ece: Expected calibration error, over ``reliability``.
        temperature: Best divisor of the margins; ``None`` if no positive number is best.
        reliability: Accuracy against confidence in at most 15 bins of equally many pairs; a tie is half right.
        margin_mean: Mean of the margins.
        margin_sd: Population standard deviation of the margins.
        margin_quantiles: Quantiles of the margins at `QUANTILES`.
        histogram_edges: Edges of the histogram, `HISTOGRAM_EDGES`.
        histogram: Number of margins below the first edge, between the edges, and from the last edge on.
        length_correlation: Spearman's correlation of the margin with the better response's surplus in length; ``None`` if
            lengths are unknown or either is constant.
        by_length: Accuracy for pairs whose better response is the ``longer``, the ``shorter``, or of ``equal_length``.
        by_strength: Accuracy by quintile of strength, weakest first; equal strengths share a bin.
    """

    n: int
    n_clusters: int
    undecided: int
    turned: int
    ties: int
    tie_policy: TiePolicy
    accuracy: float
    accuracy_low: float | None
    accuracy_high: float | None
    nll: float
    brier: float
    ece: float
    temperature: float | None
    reliability: tuple[ReliabilityBin, ...]
    margin_mean: float
    margin_sd: float
    margin_quantiles: tuple[float, ...]
    histogram_edges: tuple[float, ...] = HISTOGRAM_EDGES
    histogram: tuple[int, ...]
    length_correlation: float | None = None
    by_length: tuple[Slice, ...] = ()
    by_strength: tuple[StrengthSlice, ...] = ()

    def scalars(self) -> dict[str, float]:
        """The single numbers under flat names, for a training log; those that are there and finite."""
        names = ("accuracy", "nll", "brier", "ece", "temperature", "margin_mean", "margin_sd", "length_correlation")
        found = {name: getattr(self, name) for name in names}
        found |= {f"accuracy_{part.name}": part.accuracy for part in self.by_length}
        return {name: value for name, value in found.items() if value is not None and math.isfinite(value)}


def evaluate_margins(
    margins: ArrayLike,
    *,
    targets: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    strengths: ArrayLike | None = None,
    clusters: Sequence[Hashable] | None = None,
    ties: TiePolicy = "wrong",
) -> PreferenceMetrics:
    """Every metric of a set of labelled pairs.

    Args:
        margins: Reward of the labelled response minus the (best) other one, ``(N,)``.
        targets: Probability that the labelled response is better, ``(N,)``; 1 by default. Below 1/2 the other response is
            the better one, and the pair is reversed before the computation.
        lengths: Lengths of the labelled and the other response, in tokens or characters, ``(N, 2)``.
        strengths: Strength of the label, in any unit, ``(N,)``.
        clusters: Cluster names, ``(N,)``; pairs in one cluster are not independent.
        ties: Credit of a margin of at most `rightly.metrics.ties.TIE` in an accuracy: none, or half.

    Raises:
        InputError: There is no pair, no pair has a better response, or a value is not finite or out of range.
        ValueError: Shapes do not match.
    """
    labelled, stated = checked("margin", margins, targets)
    labelled = decided(labelled)
    sides = None if lengths is None else _finite("length", lengths, (len(labelled), 2))
    other = stated < 0.5
    d, t = np.where(other, -labelled, labelled), np.where(other, 1 - stated, stated)
    surplus = None if sides is None else np.where(other, -1, 1) * (sides[:, 0] - sides[:, 1])
    right = np.where(t == 0.5, np.nan, np.where(d == 0, 0.5 if ties == "half" else 0.0, d > 0))
    if np.isnan(right).all():
        raise InputError("every target is 1/2, so that no pair has a better response")
    spread = clustered_mean(right, clusters)
    low, high = spread.share_ends(LEVEL)
    return PreferenceMetrics(
        n=len(d),
        n_clusters=spread.n_clusters,
        undecided=int(np.isnan(right).sum()),
        turned=int(other.sum()),
        ties=int(((d == 0) & (t != 0.5)).sum()),
        tie_policy=ties,
        accuracy=spread.value,
        accuracy_low=_known(low),
        accuracy_high=_known(high),
        **_calibration(d, t),
        **_distribution(d),
        length_correlation=None if surplus is None else _known(rank_correlation(d, surplus)),
        by_length=_by_length(right, surplus, clusters),
        by_strength=_by_strength(right, strengths, clusters),
    )


def _calibration(d: NDArray[np.float64], t: NDArray[np.float64]) -> dict[str, Any]:
    # Relative to the response that the model prefers: sigmoid(-d) and 1 - sigmoid(d) differ in the last digit, which
    # would separate pairs of equal confidence.
    confidence, agreement = preference_probability(np.abs(d)), np.where(d < 0, 1 - t, t)
    temperature = fit_temperature(d, t)
    return {
        "nll": negative_log_likelihood(d, t),
        "brier": brier_score(confidence, agreement),
        "ece": expected_calibration_error(confidence, agreement),
        "reliability": reliability(confidence, agreement),
        "temperature": _known(temperature) or None,
    }


def _distribution(d: NDArray[np.float64]) -> dict[str, Any]:
    place = np.searchsorted(HISTOGRAM_EDGES, d, side="right")
    return {
        "margin_mean": float(d.mean()),
        "margin_sd": float(d.std()),
        "margin_quantiles": tuple(np.quantile(d, QUANTILES).tolist()),
        "histogram": tuple(np.bincount(place, minlength=len(HISTOGRAM_EDGES) + 1).tolist()),
    }


def _by_length(
    right: NDArray[np.float64], surplus: NDArray[np.float64] | None, clusters: Sequence[Hashable] | None
) -> tuple[Slice, ...]:
    if surplus is None:
        return ()
    parts = {"longer": surplus > 0, "shorter": surplus < 0, "equal_length": surplus == 0}
    found = ((name, _accuracy(right, where, clusters)) for name, where in parts.items())
    return tuple(Slice(name=name, **figures) for name, figures in found if figures["n"])


def _by_strength(
    right: NDArray[np.float64], strengths: ArrayLike | None, clusters: Sequence[Hashable] | None
) -> tuple[StrengthSlice, ...]:
    if strengths is None:
        return ()
    strength = _finite("strength", strengths, right.shape)
    place = equal_mass_bins(strength, STRENGTH_BINS)
    parts = []
    for where in (place == number for number in range(STRENGTH_BINS)):
        figures = _accuracy(right, where, clusters)
        if figures["n"]:
            low, high = float(strength[where].min()), float(strength[where].max())
            name = f"{low:g}" if low == high else f"{low:g} to {high:g}"
            parts.append(StrengthSlice(name=name, weakest=low, strongest=high, **figures))
    return tuple(parts)


def _accuracy(
    right: NDArray[np.float64], where: NDArray[np.bool_], clusters: Sequence[Hashable] | None
) -> dict[str, Any]:
    keys = None if clusters is None else [clusters[row] for row in np.flatnonzero(where).tolist()]
    spread = clustered_mean(right[where], keys)
    low, high = spread.share_ends(LEVEL)
    return {"n": spread.n, "accuracy": spread.value, "accuracy_low": _known(low), "accuracy_high": _known(high)}


def _finite(name: str, values: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    data = np.asarray(values, dtype=np.float64)
    if data.shape != shape:
        raise ValueError(f"{name}s of shape {data.shape}; {shape} is needed")
    if not np.isfinite(data).all():
        row = int(np.flatnonzero(~np.isfinite(data.reshape(len(data), -1)).all(axis=1))[0])
        raise InputError(f"{name} {row} is not finite")
    return data


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
