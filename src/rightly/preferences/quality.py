"""From strength to the probability that a label is right.

Three ways, by what is known. *Checked labels or votes*: isotonic regression of people's word on the strength. *An expected
rate of noise*: the temperature at which the mean probability of error is that rate. *Neither*: a model of noise, fitted to
the held-out strength and the labels alone:

    P(label agrees with the sign of s) = e + (1 - 2 e) sigma(|s| / T)

A fitted temperature takes the model's own doubt; what disagreement is left where the model has none is ``e``, the rate
of wrong labels. Bayes' rule then gives each pair's probability,

    q = (1 - e) sigma(s / T) / [ (1 - e) sigma(s / T) + e sigma(-s / T) ],

averaged over all ``e`` and ``T`` by how well they explain the data. This assumes that errors do not depend on difficulty and
that models are right where they are surest. Neither can be checked with margins: `rightly.preferences.evidence` has
the interval that holds without.

The papers leave this open (Wang et al., "Reward Modeling Requires Automatic Adjustment Based on Data Quality", 2024, whose
rule is not public); this is our reading. It needs strength from models that did not train on the pair: a model that has
memorised a label agrees with it however wrong it is.
"""

from collections.abc import Hashable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rightly.errors import InputError
from rightly.metrics.calibration import preference_probability
from rightly.metrics.ranks import equal_mass_bins
from rightly.types import Frozen

Basis = Literal["noise model", "people", "expected rate"]

_BINS = 4096

_GRID = 41
_ROUNDS = 2
_PRIOR = 1.5
"""Standard deviation of the logarithm of the temperature around that at which a pair of median strength is predicted at .73;
two of them: .52 and 1."""

_NEAR = 12.0
"""A fit whose log-likelihood is lower than the best by more than this says nothing."""


class LabelQuality(Frozen):
    """How probabilities were made, and the share of wrong labels that they come to.

    Attributes:
        basis: Basis of the probabilities; ``people`` is votes or checked labels.
        noise_rate: Expected share of wrong labels, the mean of 1 minus the probability.
        noise_low: Lower end of its 95% interval, which does not rest on the noise model; ``None`` where the rate was given.
        noise_high: Upper end.
        temperature: Divisor of strength; ``None`` for an isotonic fit.
        known: Pairs of which people said something.
    """

    basis: Basis
    noise_rate: float
    noise_low: float | None = None
    noise_high: float | None = None
    temperature: float | None = None
    known: int = 0


def fit_noise_model(
    strength: ArrayLike, *, groups: Sequence[Hashable] | NDArray[np.int64] | None = None
) -> tuple[NDArray[np.float64], LabelQuality]:
    """Probabilities by the noise model; nothing but held-out strength is needed.

    They are means over the posterior of rate and temperature (even prior on the rate in [0, 1/2]; log-normal
    on the temperature): where little noise and much noise explain the data alike, and with few pairs, they say so.

    Args:
        strength: Held-out strength, with its sign relative to the label, ``(N,)``.
        groups: Group keys, ``(N,)``; pairs of a group are weighted by their design effect. Without keys pairs are independent.

    Returns:
        ``(N,)`` probability that each label is right, and the fit.

    Raises:
        InputError: Strength is 0 throughout, or there are fewer than 10 pairs.
    """
    s, size, bins, right, wrong = _counted(strength)
    rate, temperature = _fit(size, right, wrong)
    effect = 1.0
    if groups is not None:
        agrees = np.where(s == 0, 0.5, s > 0)
        expected = rate + (1 - 2 * rate) * preference_probability(np.abs(s) / temperature)
        effect = _design_effect(agrees - expected, np.unique(np.asarray(groups), return_inverse=True)[1])
    by_size = _posterior(size, right / effect, wrong / effect)
    q = np.where(s < 0, by_size[1][bins], by_size[0][bins])
    return q, LabelQuality(basis="noise model", noise_rate=float(1 - q.mean()), temperature=temperature)


def likeliest_noise(strength: ArrayLike) -> tuple[float, float]:
    """Rate and temperature of the noise model by maximum likelihood alone.

    Raises:
        InputError: The conditions of `fit_noise_model`.
    """
    _, size, _, right, wrong = _counted(strength)
    return _fit(size, right, wrong)


def _counted(strength: ArrayLike) -> tuple[NDArray[Any], ...]:
    """Strength, then by bins of its absolute value: mean, each pair's bin, labels with the sign, labels against it."""
    s = np.asarray(strength, dtype=np.float64)
    if len(s) < 10 or not np.abs(s).max() > 0:
        raise InputError(f"{len(s)} pairs with strengths up to {np.abs(s).max(initial=0):g} tell nothing of noise")
    size, bins = _bins(np.abs(s))
    counts = np.bincount(bins, minlength=len(size)).astype(float)
    right = np.bincount(bins, np.where(s == 0, 0.5, s > 0), minlength=len(size)).astype(float)
    return s, size, bins, right, counts - right


def _design_effect(residuals: NDArray[np.float64], groups: NDArray[np.int64]) -> float:
    """How many times the variance of a sum over pairs exceeds that of independent pairs; at least 1."""
    alone = float((residuals**2).sum())
    return max(1.0, float((np.bincount(groups, residuals) ** 2).sum()) / alone) if alone > 0 else 1.0


def _posterior(
    size: NDArray[np.float64], right: NDArray[np.float64], wrong: NDArray[np.float64]
) -> NDArray[np.float64]:
    """``(2, B)`` mean probability of a right label for strengths ``size`` and ``-size``, over a grid that closes in."""
    z = size / (float(np.median(size)) or float(size.mean()))
    rates, temperatures = np.linspace(1e-3, 0.499, _GRID), np.linspace(-6, 6, _GRID)
    for _ in range(_ROUNDS):
        found = _likelihood(z, right, wrong, rates, temperatures)
        rates, temperatures = _closer(rates, found.max(axis=1)), _closer(temperatures, found.max(axis=0))
    weights = np.exp(_likelihood(z, right, wrong, rates, temperatures))
    weights /= weights.sum()
    mean = np.zeros((2, len(size)))
    for column, temperature in enumerate(temperatures):
        for side, sign in enumerate((1, -1)):
            p = preference_probability(sign * z / np.exp(temperature))
            of_label = (1 - rates[:, None]) * p
            mean[side] += weights[:, column] @ (of_label / (of_label + rates[:, None] * (1 - p)))
    return mean


def _likelihood(
    z: NDArray[np.float64],
    right: NDArray[np.float64],
    wrong: NDArray[np.float64],
    rates: NDArray[np.float64],
    temperatures: NDArray[np.float64],
) -> NDArray[np.float64]:
    """``(rates, temperatures)`` log-posterior, the best of them 0; temperatures are logarithms."""
    found = np.empty((len(rates), len(temperatures)))
    for column, temperature in enumerate(temperatures):
        p = rates[:, None] + (1 - 2 * rates[:, None]) * preference_probability(z / np.exp(temperature))
        found[:, column] = np.log(p) @ right + np.log1p(-p) @ wrong - temperature**2 / (2 * _PRIOR**2)
    return found - found.max()


def _closer(values: NDArray[np.float64], likelihood: NDArray[np.float64]) -> NDArray[np.float64]:
    """As many values, from just outside the first that says anything to just outside the last."""
    places = np.flatnonzero(likelihood > -_NEAR)
    return np.linspace(values[max(places[0] - 1, 0)], values[min(places[-1] + 1, len(values) - 1)], len(values))


def noise_posterior(strength: ArrayLike, rate: float, temperature: float) -> NDArray[np.float64]:
    """Bayes' rule of the module's text, any shape."""
    p = preference_probability(np.asarray(strength, dtype=np.float64) / temperature)
    right = (1 - rate) * p
    return right / (right + rate * (1 - p))


def fit_people(strength: ArrayLike, right: ArrayLike) -> tuple[NDArray[np.float64], LabelQuality]:
    """Probabilities by isotonic regression on pairs of which people said something.

    Args:
        strength: Strength of each pair, ``(N,)``.
        right: Probability that the label is right, from checked labels (0, 1) or votes, ``(N,)``; NaN if unknown.

    Returns:
        ``(N,)`` probabilities for all pairs (linear between those that are known), and the fit.

    Raises:
        InputError: Nothing is known.
    """
    from scipy.optimize import isotonic_regression

    s, y = np.asarray(strength, dtype=np.float64), np.asarray(right, dtype=np.float64)
    known = ~np.isnan(y)
    if not known.any():
        raise InputError("no pair has votes or a checked label", fix="leave them out to have the noise estimated")
    places, own = np.unique(s[known], return_inverse=True)
    counts = np.bincount(own).astype(float)
    fitted = np.asarray(isotonic_regression(np.bincount(own, y[known]) / counts, weights=counts).x)
    q = np.interp(s, places, fitted)
    quality = LabelQuality(basis="people", noise_rate=float(1 - q.mean()), known=int(known.sum()))
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


def _fit(size: NDArray[np.float64], right: NDArray[np.float64], wrong: NDArray[np.float64]) -> tuple[float, float]:
    """Maximum likelihood of rate and temperature; the rate lies in [0.001, 0.499].

    Args:
        size: Absolute strength of each bin, ``(B,)``.
        right: Labels of each bin that agree with the sign, ``(B,)``.
        wrong: Labels of each bin that disagree with the sign, ``(B,)``.
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
    found = [minimize(loss, first, jac=True, method="L-BFGS-B", bounds=[(1e-3, 0.499), (-6, 6)]) for first in starts]
    best = min(found, key=lambda done: done.fun)
    return float(best.x[0]), float(scale * np.exp(best.x[1]))
