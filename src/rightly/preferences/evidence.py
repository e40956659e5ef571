"""How many of some labels are wrong: an estimate, and a 95% interval that does not rest on what cannot be checked.

A label is wrong when most people who judge the pair prefer another response. Where a model prefers another response than
the label, one of the two is wrong; margins alone do not tell which. Let ``d(x)`` be the share of pairs of absolute strength
``x`` whose sign contradicts the label, ``e(x)`` the share of wrong labels there and ``m(x)`` the share that the models
have wrong, independently given ``x``. Then

    1 - 2 d(x) = (1 - 2 e(x)) (1 - 2 m(x)),

and every split of ``1 - 2 d`` into two factors fits the margins equally well, from "all labels are right" to "the models
are right". Noise rates are identified only where some pairs are known to be beyond doubt (Scott, Blanchard and Handy,
"Classification with Asymmetric Label Noise", 2013; Menon et al., "Learning from Corrupted Binary Labels via
Class-Probability Estimation", 2015). So the interval is the union over the splits ``1 - 2 e = (1 - 2 d)^u``, u in [0, 1],
widened for sampling: its lower end is 0, whatever the temperature or the link of the models, and errors that go with
difficulty are inside. It assumes that where models are wrong most labels are right, and fails for errors that the models
have learnt from the labels.

What people said narrows it. With 50 checked labels or voted pairs the share of right labels follows strength by isotonic
regression under a Bayesian bootstrap of the groups.
"""

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rightly.metrics.ranks import equal_mass_bins
from rightly.types import Frozen

FEWEST_KNOWN = 50
"""Pairs with people's word from which on it decides; fewer say little more than their noise."""

FEWEST_VOTERS = 3
"""Votes of a pair below which there is no majority."""

_FIT_ERROR = 0.7
"""An isotonic fit to n values errs by the order of n^(-1/3), which resampling does not see: intervals are widened by this
much of it. Set by simulation (experiments/evidence/repair_coverage.py, seeds 0 to 199)."""

DRAWS = 400
_BINS = 4096
_CELLS = 100_000_000
"""Draws times pairs with people's word; more pairs get fewer draws."""


class WrongLabels(Frozen):
    """How many of some labels are wrong.

    Attributes:
        n: Labels.
        expected: Expected number of wrong ones.
        low: Lower end of its 95% interval.
        high: Upper end.
    """

    n: int
    expected: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.expected:,.0f} [{self.low:,.0f}, {self.high:,.0f}]"


class PeopleSaid(Frozen):
    """What people said of some labels.

    Attributes:
        n: Labels of which they said something.
        right: Mean probability that these are right.
        low: Lower end of its 95% interval.
        high: Upper end.
    """

    n: int
    right: float
    low: float
    high: float


class LabelEvidence:
    """Everything that is known of whether labels are right.

    Args:
        strength: Held-out strength, with its sign relative to the label, ``(N,)``.
        probability: Estimated probability that each label is right, ``(N,)``.
        people: Probability that the label is right according to people, ``(N,)``; NaN for pairs without such data.
        shown: Such probabilities that are only compared with, for example from the people who made the labels, ``(N,)``.
        groups: Number of each pair's group, ``(N,)``; pairs of a group are not independent.
        seed: Seed of the draws.

    Attributes:
        by_people: Whether there is enough of people's word to decide.
    """

    def __init__(
        self,
        strength: ArrayLike,
        probability: ArrayLike,
        *,
        people: ArrayLike | None = None,
        shown: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        seed: int = 0,
    ) -> None:
        self.strength = np.asarray(strength, dtype=np.float64)
        self.probability = np.asarray(probability, dtype=np.float64)
        n = len(self.strength)
        self.people = np.full(n, np.nan) if people is None else np.asarray(people, dtype=np.float64)
        self.shown = self.people if shown is None else np.asarray(shown, dtype=np.float64)
        self.groups = np.arange(n) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        self._known = ~np.isnan(self.people)
        self.by_people = int(self._known.sum()) >= FEWEST_KNOWN
        self._seed, self._draws = seed, int(np.clip(_CELLS // max(int(self._known.sum()), 1), 20, DRAWS))

    def wrong(self, chosen: NDArray[np.bool_]) -> WrongLabels:
        """How many of the chosen labels are wrong.

        Args:
            chosen: Chosen pairs, ``(N,)``; the choice may depend on strength and probability, but not on human labels.
        """
        n = int(chosen.sum())
        if not n:
            return WrongLabels(n=0, expected=0, low=0, high=0)
        if self.by_people:
            expected, low, high = self._checked(chosen)
        else:
            expected, low, high = float((1 - self.probability[chosen]).sum()), 0.0, self._most_wrong(chosen)
            if n == len(self.strength):
                high = min(high, n / 2)
        return WrongLabels(n=n, expected=expected, low=min(low, expected), high=max(high, expected))

    def people_said(self, chosen: NDArray[np.bool_]) -> PeopleSaid | None:
        """What people said of the chosen labels, ``None`` where they said nothing."""
        own = chosen & ~np.isnan(self.shown)
        if not own.any():
            return None
        right = self.shown[own]
        low, high = share_interval(float(right.mean()), right - right.mean(), self.groups[own])
        return PeopleSaid(n=int(own.sum()), right=float(right.mean()), low=low, high=high)

    def _most_wrong(self, chosen: NDArray[np.bool_]) -> float:
        """Upper end by margins alone: the worst of the splits, widened for sampling."""
        against, doubt = self._against[chosen], self._doubt[chosen]
        n, worst = len(against), 0.0
        for power in (0.5, 0.625, 0.75, 0.875, 1.0):
            label, model = (1 - (1 - 2 * doubt) ** power) / 2, (1 - (1 - 2 * doubt) ** (1 - power)) / 2
            where_against = label * (1 - model) / np.maximum(doubt, 1e-12)
            where_for = label * model / (1 - doubt)
            worst = max(worst, float(np.mean(against * where_against + (1 - against) * where_for)))
        return min(n * share_interval(worst, against - doubt, self.groups[chosen])[1], float(n))

    @cached_property
    def _against(self) -> NDArray[np.float64]:
        return np.where(self.strength == 0, 0.5, self.strength < 0)

    @cached_property
    def _doubt(self) -> NDArray[np.float64]:
        """``(N,)`` the share of contradicted labels at each pair's absolute strength, never rising with it."""
        from scipy.optimize import isotonic_regression

        bins = _bins(np.abs(self.strength))[0]
        counts = np.bincount(bins).astype(float)
        found = isotonic_regression(np.bincount(bins, self._against) / counts, weights=counts, increasing=False).x
        return np.clip(np.asarray(found)[bins], 1e-9, 0.5)

    def _checked(self, chosen: NDArray[np.bool_]) -> tuple[float, float, float]:
        """Expected number and interval where people's word decides."""
        told, rest = chosen & self._known, chosen & ~self._known
        many, y = int(rest.sum()), self.people[told]
        expected = float((1 - y).sum() + (1 - self.probability[rest]).sum())
        random = np.random.default_rng([self._seed, 1])
        found = (1 - y).sum() + random.normal(0, np.sqrt((y * (1 - y)).sum()), self._draws)
        if not many:
            low, high = np.quantile(found, [0.025, 0.975])
            return expected, max(float(low), 0.0), min(float(high), float(len(y)))
        weights = np.bincount(self._knots[0][rest], minlength=len(self._knots[1]))
        few, most = (
            found + random.binomial(many, np.clip((1 - curve) @ weights / many, 0, 1)) for curve in self._curves
        )
        wider = 1 + _FIT_ERROR * int(self._known.sum()) ** (-1 / 3)
        low = expected + wider * min(np.quantile(few, 0.025) - expected, 0.0)
        high = expected + wider * max(np.quantile(most, 0.975) - expected, 0.0)
        if len(y) and not chosen.all():
            # A choice that follows strength may lie where the curve errs: what was checked within it counts alone, too.
            alone = share_interval(float(1 - y.mean()), y - y.mean(), self.groups[told], predicted=many)
            low, high = min(low, (1 - y).sum() + many * alone[0]), max(high, (1 - y).sum() + many * alone[1])
        return expected, max(float(low), 0.0), min(float(high), float(len(y) + many))

    @cached_property
    def _knots(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        return _bins(self.strength)

    @cached_property
    def _curves(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Twice ``(draws, knots)``: probability of a right label by strength, as high and as low as it may be.

        They differ beyond the strengths that people spoke of, where nothing is known but that probability rises with
        strength: there it is bounded by the mean over the nearest tenth of what is known.
        """
        from scipy.optimize import isotonic_regression

        bins, values = self._knots
        rows = np.flatnonzero(self._known)
        own, y, groups = bins[rows], self.people[rows], np.unique(self.groups[rows], return_inverse=True)[1]
        middle, order, tail = (
            int(np.median(own)),
            np.argsort(own, kind="stable"),
            min(max(len(rows) // 10, 20), len(rows)),
        )
        random = np.random.default_rng([self._seed, 0])
        few, most = np.empty((self._draws, len(values))), np.empty((self._draws, len(values)))
        for draw in range(self._draws):
            drawn = random.exponential(1, int(groups.max()) + 1)[groups]
            weights, right = np.bincount(own, drawn, len(values)), np.bincount(own, drawn * y, len(values))
            extra = random.gamma(0.5, 1, 2)  # Jeffreys' prior: what was never seen is not excluded
            weights[middle] += extra.sum()
            right[middle] += extra[0]
            seen = weights > 0
            curve = isotonic_regression(right[seen] / weights[seen], weights=weights[seen]).x
            weakest, strongest = (np.average(y[part], weights=drawn[part]) for part in (order[:tail], order[-tail:]))
            few[draw] = np.interp(values, values[seen], curve, left=max(curve[0], weakest), right=1.0)
            most[draw] = np.interp(values, values[seen], curve, left=0.0, right=min(curve[-1], strongest))
        return few, most


def share_interval(
    share: float, residuals: NDArray[np.float64], groups: NDArray[np.int64], *, predicted: float = np.inf
) -> tuple[float, float]:
    """Wilson's 95% interval of a share whose sample is as large as its clusters make it.

    The sample is divided by the design effect, the variance of the residuals' sums over groups relative to that of
    independent pairs, never below 1; the quantile is Student's with as many degrees of freedom as there are groups, less 1.

    Not the interval of a mean (`rightly.metrics.clustered`): what people said is a probability, each label is right or wrong,
    and the interval is of the share of right ones, whose variance includes that of the labels. Residuals may also be from a
    fitted curve, and other pairs be predicted.

    Args:
        share: The share, in [0, 1].
        residuals: Deviation of each pair from its expectation, ``(N,)``.
        groups: Number of each pair's group, ``(N,)``.
        predicted: Other pairs, of which the share is to be covered; infinitely many for the share itself.
    """
    from scipy.stats import t

    n = len(residuals)
    sums = np.bincount(np.unique(groups, return_inverse=True)[1], residuals)
    clusters = len(sums)
    if clusters < 2:
        return 0.0, 1.0
    alone = float((residuals**2).sum())
    effect = max(1.0, float((sums**2).sum()) / alone * clusters / (clusters - 1)) if alone > 0 else 1.0
    size, z = 1 / (effect / n + 1 / predicted), float(t.ppf(0.975, clusters - 1))
    middle = (share + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z / (1 + z**2 / size) * np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2))
    return max(float(middle - half), 0.0), min(float(middle + half), 1.0)


def majority_share(votes_for: float, votes: int) -> float | None:
    """1 where most voters side with the label, 0 where most are against it, 1/2 where they are even.

    Args:
        votes_for: Votes for the label; a tie is half a vote.
        votes: All votes.

    Returns:
        The share, ``None`` below three voters: they are no majority.
    """
    if votes < FEWEST_VOTERS:
        return None
    return 0.5 if 2 * votes_for == votes else float(2 * votes_for > votes)


def _bins(values: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The bin of each value and the bins' means, rising; at most 4,096 bins, equal values share one."""
    places, own = np.unique(values, return_inverse=True)
    if len(places) <= _BINS:
        return own, places
    bins = np.unique(equal_mass_bins(values, _BINS), return_inverse=True)[1]
    return bins, np.bincount(bins, values) / np.bincount(bins)
