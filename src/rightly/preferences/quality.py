"""From strength to the probability that a label is right.

Three ways, by what is known. *Trusted labels or repeated votes*: isotonic regression of the share that agrees on the
strength. *An expected rate of noise*: the temperature at which the mean probability of error is that rate. *Neither*: a
model of noise, fitted to the held-out strength and the labels alone:

    P(label agrees with the sign of s) = e + (1 - 2 e) sigma(|s| / T)

A fitted temperature takes the model's own doubt; what disagreement is left where the model has none is ``e``, the rate
of wrong labels. Bayes' rule then gives each pair's probability,

    q = (1 - e) sigma(s / T) / [ (1 - e) sigma(s / T) + e sigma(-s / T) ].

The papers leave this open (Wang et al., "Reward Modeling Requires Automatic Adjustment Based on Data Quality", 2024, whose
rule is not public); this is our reading. It needs strength from models that did not train on the pair: a model that has
memorised a label agrees with it however wrong it is.
"""

from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rightly.errors import InputError
from rightly.metrics.calibration import preference_probability
from rightly.metrics.ranks import equal_mass_bins
from rightly.types import Frozen

Basis = Literal["noise model", "trusted labels", "expected rate"]

_BINS = 4096

FEWEST_TRUSTED = 50
"""Below this an isotonic fit says little more than its noise."""


class LabelQuality(Frozen):
    """How probabilities were made.

    Attributes:
        basis: What they rest on.
        noise_rate: Estimated share of wrong labels.
        noise_low: Lower end of its 95% interval (bootstrap over groups); ``None`` where none was drawn.
        noise_high: Upper end.
        temperature: What strength is divided by; ``None`` for an isotonic fit.
        trusted: Pairs with a trusted label that were used.
    """

    basis: Basis
    noise_rate: float
    noise_low: float | None = None
    noise_high: float | None = None
    temperature: float | None = None
    trusted: int = 0


def fit_noise_model(
    strength: ArrayLike,
    *,
    groups: Sequence[Hashable] | NDArray[np.int64] | None = None,
    draws: int = 200,
    seed: int = 0,
) -> tuple[NDArray[np.float64], LabelQuality]:
    """Probabilities by the noise model; nothing but held-out strength is needed.

    With draws, probabilities are means over the fits to the bootstrap samples: where little noise and much noise explain
    the data alike, they say so rather than follow the likelier of the two.

    Args:
        strength: ``(N,)`` held-out, its sign relative to the label.
        groups: Keys of what is resampled for the interval; each pair for itself where not given.
        draws: Bootstrap draws; 0 for no interval.
        seed: Of the draws.

    Returns:
        ``(N,)`` probability that each label is right, and the fit.

    Raises:
        InputError: Strength is 0 throughout, or there are fewer than 10 pairs.
    """
    s = np.asarray(strength, dtype=np.float64)
    if len(s) < 10 or not np.abs(s).max() > 0:
        raise InputError(f"{len(s)} pairs with strengths up to {np.abs(s).max(initial=0):g} tell nothing of noise")
    agrees = np.where(s == 0, 0.5, s > 0)
    size, bins = _bins(np.abs(s))

    def fit(weights: NDArray[np.float64], start: tuple[float, float] | None = None) -> tuple[float, float]:
        right = np.bincount(bins, weights * agrees, minlength=len(size)).astype(float)
        return _fit(size, right, np.bincount(bins, weights, minlength=len(size)).astype(float) - right, start)

    rate, temperature = fit(np.ones(len(s)))
    low = high = None
    q = noise_posterior(s, rate, temperature)
    if draws:
        keys = np.arange(len(s)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        random = np.random.default_rng(seed)
        count = int(keys.max()) + 1
        found = []
        for _ in range(draws):
            weights = np.bincount(random.integers(0, count, count), minlength=count)[keys].astype(float)
            found.append(fit(weights, (rate, temperature)))
        low, high = (float(end) for end in np.quantile([each[0] for each in found], [0.025, 0.975]))
        q = np.mean([noise_posterior(s, *each) for each in found], axis=0)
    quality = LabelQuality(
        basis="noise model", noise_rate=rate, noise_low=low, noise_high=high, temperature=temperature
    )
    return q, quality


def noise_posterior(strength: ArrayLike, rate: float, temperature: float) -> NDArray[np.float64]:
    """Bayes' rule of the module's text, any shape."""
    p = preference_probability(np.asarray(strength, dtype=np.float64) / temperature)
    right = (1 - rate) * p
    return right / (right + rate * (1 - p))


def fit_trusted(strength: ArrayLike, right: ArrayLike) -> tuple[NDArray[np.float64], LabelQuality]:
    """Probabilities by isotonic regression on pairs whose label can be checked.

    Args:
        strength: ``(N,)``.
        right: ``(N,)`` probability that the label is right, from trusted labels (0, 1) or the share of votes that agree;
            NaN where unknown.

    Returns:
        ``(N,)`` probabilities for all pairs (linear between those that are known), and the fit.

    Raises:
        InputError: Fewer than 50 pairs are known.
    """
    from scipy.optimize import isotonic_regression

    s, y = np.asarray(strength, dtype=np.float64), np.asarray(right, dtype=np.float64)
    known = ~np.isnan(y)
    if known.sum() < FEWEST_TRUSTED:
        raise InputError(
            f"{known.sum()} pairs have a trusted label, expected {FEWEST_TRUSTED} or more",
            fix="give more, or leave them out to have the noise estimated",
        )
    places, own = np.unique(s[known], return_inverse=True)
    counts = np.bincount(own).astype(float)
    fitted = np.asarray(isotonic_regression(np.bincount(own, y[known]) / counts, weights=counts).x)
    q = np.interp(s, places, fitted)
    quality = LabelQuality(basis="trusted labels", noise_rate=float(1 - q.mean()), trusted=int(known.sum()))
    return q, quality


def fit_expected_rate(strength: ArrayLike, rate: float) -> tuple[NDArray[np.float64], LabelQuality]:
    """Probabilities ``sigma(s / T)`` whose mean is 1 minus an expected rate of wrong labels.

    Raises:
        InputError: No temperature gives that rate: it is below the share of negative strengths, or 1/2 and more.
    """
    from scipy.optimize import brentq

    s = np.asarray(strength, dtype=np.float64)
    least = float(np.mean(np.where(s == 0, 0.5, s < 0)))
    if not least < rate < 0.5:
        raise InputError(
            f"an expected rate of {rate:g} cannot be met: {least:.3f} of the labels have a negative strength",
            fix=f"choose a rate between {least:.3f} and 0.5, or have it estimated",
        )
    scale = float(np.median(np.abs(s))) or 1.0

    def excess(log_temperature: float) -> float:
        return float(np.mean(preference_probability(-s / (scale * np.exp(log_temperature)))) - rate)

    root: float = brentq(excess, -12, 12)  # type: ignore[assignment]
    temperature = scale * float(np.exp(root))
    q = preference_probability(s / temperature)
    return q, LabelQuality(basis="expected rate", noise_rate=float(1 - q.mean()), temperature=temperature)


def _bins(size: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Values that stand for many, and which of them each pair has: the fit of millions takes as long as of thousands."""
    if len(size) <= _BINS:
        return size, np.arange(len(size))
    bins = np.unique(equal_mass_bins(size, _BINS), return_inverse=True)[1]
    return np.bincount(bins, size) / np.bincount(bins), bins


def _fit(
    size: NDArray[np.float64],
    right: NDArray[np.float64],
    wrong: NDArray[np.float64],
    start: tuple[float, float] | None = None,
) -> tuple[float, float]:
    """Maximum likelihood of rate and temperature; the rate lies in [0.001, 0.499].

    Args:
        size: ``(B,)`` absolute strength.
        right: ``(B,)`` weight of the pairs there whose label agrees with the sign.
        wrong: ``(B,)`` of those whose label does not.
        start: Where to begin.
    """
    from scipy.optimize import minimize

    scale = float(np.median(size)) or float(size.mean())
    total = right.sum() + wrong.sum()

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        rate, log_temperature = parameters
        z = size / (scale * np.exp(log_temperature))
        sure = preference_probability(z)
        p = rate + (1 - 2 * rate) * sure
        slope = wrong / (1 - p) - right / p
        value = -(right @ np.log(p) + wrong @ np.log1p(-p)) / total
        by_rate = slope @ (1 - 2 * sure) / total
        by_temperature = slope @ ((1 - 2 * rate) * sure * (1 - sure) * -z) / total
        return value, np.array([by_rate, by_temperature])

    # The likelihood may have two tops: little noise and an unsure model, or much noise and a sure one.
    starts = [(0.02, 0.0), (0.1, -2.0), (0.3, -2.0)]
    if start is not None:
        starts.append((start[0], float(np.log(start[1] / scale))))
    found = [minimize(loss, first, jac=True, method="L-BFGS-B", bounds=[(1e-3, 0.499), (-6, 6)]) for first in starts]
    best = min(found, key=lambda done: done.fun)
    return float(best.x[0]), float(scale * np.exp(best.x[1]))
