"""All that the margins of a reward model on labelled pairs say: accuracy, calibration, spread, length, strength."""

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rightly.metrics.bootstrap import bootstrap_mean
from rightly.metrics.calibration import (
    ReliabilityBin,
    brier_score,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability,
)
from rightly.types import Frozen

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
STRENGTH_BINS = 5
HISTOGRAM_BINS = 20


class Slice(Frozen):
    """Accuracy of part of the pairs."""

    name: str
    n: int
    accuracy: float


class PreferenceMetrics(Frozen):
    """Figures of one reward model on one set of labelled pairs.

    Attributes:
        n: Pairs.
        ties: Pairs with a margin of exactly 0; wrong.
        accuracy: Share of margins above 0.
        accuracy_low: Lower end of its 95% bootstrap interval over clusters; ``None`` below two clusters.
        accuracy_high: Upper end.
        nll: Mean negative log-likelihood of the labels, nats.
        brier: Brier score.
        ece: Expected calibration error over ``reliability``.
        temperature: What the margins should be divided by; ``None`` where nothing fits.
        reliability: Accuracy against confidence.
        margin_mean: Of the margins.
        margin_sd: Their population standard deviation.
        margin_quantiles: At `QUANTILES`.
        histogram_edges: `HISTOGRAM_BINS` + 1 edges from the least to the largest margin.
        histogram: Counts between them.
        length_correlation: Spearman's, of the margin with the labelled response's surplus in length; ``None`` where
            lengths are unknown or constant.
        by_length: Accuracy where the labelled response is the longer, the shorter, or of equal length.
        by_strength: Accuracy by quintile of label strength, weakest first.
    """

    n: int
    ties: int
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
    histogram_edges: tuple[float, ...]
    histogram: tuple[int, ...]
    length_correlation: float | None = None
    by_length: tuple[Slice, ...] = ()
    by_strength: tuple[Slice, ...] = ()

    def scalars(self) -> dict[str, float]:
        """The single numbers under flat names, for a training log; those that are there."""
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
) -> PreferenceMetrics:
    """Every metric of a set of labelled pairs.

    Args:
        margins: ``(N,)`` reward of the labelled response minus the (best) other's.
        targets: ``(N,)`` probability that the label is right; 1 where not given. Accuracy is against the label.
        lengths: ``(N, 2)`` of the labelled response and the other, in any unit.
        strengths: ``(N,)`` how clear the label is.
        clusters: ``(N,)`` names; pairs that share one are resampled together.

    Raises:
        ValueError: No pair, a NaN margin, or shapes that do not fit.
    """
    d = np.asarray(margins, dtype=np.float64)
    nll = negative_log_likelihood(d, targets)  # checks the margins
    right = d > 0
    interval = bootstrap_mean(right.astype(float), clusters)
    curve = reliability(d, targets)
    counts, edges = np.histogram(d, bins=HISTOGRAM_BINS)
    return PreferenceMetrics(
        n=len(d),
        ties=int((d == 0).sum()),
        accuracy=float(right.mean()),
        accuracy_low=_known(interval.low),
        accuracy_high=_known(interval.high),
        nll=nll,
        brier=brier_score(d, targets),
        ece=expected_calibration_error(curve),
        temperature=_known(fit_temperature(d, targets)),
        reliability=curve,
        margin_mean=float(d.mean()),
        margin_sd=float(d.std()),
        margin_quantiles=tuple(np.quantile(d, QUANTILES).tolist()),
        histogram_edges=tuple(edges.tolist()),
        histogram=tuple(counts.tolist()),
        **_length_figures(d, right, lengths),
        by_strength=_by_strength(right, strengths),
    )


def _length_figures(d: NDArray[np.float64], right: NDArray[np.bool_], lengths: ArrayLike | None) -> dict:
    if lengths is None:
        return {}
    sides = np.asarray(lengths, dtype=np.float64)
    if sides.shape != (len(d), 2):
        raise ValueError(f"lengths {sides.shape} must be {(len(d), 2)}")
    surplus = sides[:, 0] - sides[:, 1]
    parts = {"longer": surplus > 0, "shorter": surplus < 0, "equal_length": surplus == 0}
    return {
        "length_correlation": _spearman(d, surplus),
        "by_length": tuple(_slice(name, right, where) for name, where in parts.items() if where.any()),
    }


def _spearman(first: NDArray[np.float64], second: NDArray[np.float64]) -> float | None:
    from scipy.stats import rankdata

    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])


def _by_strength(right: NDArray[np.bool_], strengths: ArrayLike | None) -> tuple[Slice, ...]:
    """Quintiles; equal strengths stay in one bin, so there may be fewer."""
    if strengths is None:
        return ()
    strength = np.asarray(strengths, dtype=np.float64)
    if strength.shape != right.shape or np.isnan(strength).any():
        raise ValueError(f"strengths {strength.shape} must be {right.shape}, without NaN")
    edges = np.unique(np.quantile(strength, np.linspace(0, 1, STRENGTH_BINS + 1)))
    place = np.searchsorted(edges[1:-1], strength, side="right")
    parts = [(place == number) for number in range(max(len(edges) - 1, 1))]
    return tuple(
        _slice(f"{strength[where].min():g} to {strength[where].max():g}", right, where)
        for where in parts
        if where.any()
    )


def _slice(name: str, right: NDArray[np.bool_], where: NDArray[np.bool_]) -> Slice:
    return Slice(name=name, n=int(where.sum()), accuracy=float(right[where].mean()))


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
