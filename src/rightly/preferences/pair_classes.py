"""Each pair's class by printed rules, and what the classes look like: deciles, noise, artefacts of length and position."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rightly.errors import InputError
from rightly.metrics.ranks import equal_mass_bins, mid_ranks, rank_correlation
from rightly.preferences.adjust import AdjustRule, suspects
from rightly.preferences.evidence import LabelEvidence, PeopleSaid, WrongLabels
from rightly.preferences.quality import LabelQuality
from rightly.types import Frozen

PairClass = Literal["suspect", "ambiguous", "clear", "easy", "no difference"]
CLASSES: tuple[PairClass, ...] = ("suspect", "ambiguous", "clear", "easy", "no difference")

BINS = 10
FEWEST_IN_BIN = 10


class ClassRule(Frozen):
    """What makes a pair suspect, ambiguous, clear or easy.

    Attributes:
        suspects: Criterion for a suspect; the same for classes, repairs and the review list.
        clear: From this probability (``probability``), or this share of the pairs on (``quantile``), a pair is clear; by
            ``sign`` it is where its strength exceeds its standard deviation. What lies between is ambiguous.
        easy: The strongest share of all pairs, where they are clear: what a model overfits first.
    """

    suspects: AdjustRule = AdjustRule()
    clear: float = 0.7
    easy: float = 0.1

    @classmethod
    def of(cls, rule: AdjustRule) -> "ClassRule":
        """The classes that go with a rule of suspects."""
        return cls(suspects=rule, clear=2 * rule.share) if rule.suspects == "quantile" else cls(suspects=rule)

    @property
    def sentences(self) -> dict[PairClass, str]:
        """The rule in words, for a report."""
        easy = f"clear, and among the strongest {self.easy:.0%}"
        none = "all models give both responses the same reward; in no other figure"
        if self.suspects.suspects == "sign":
            first = (
                "strength below 0",
                "strength from 0 to its standard deviation",
                "strength above its standard deviation",
            )
        elif self.suspects.suspects == "quantile":
            share = self.suspects.share
            first = f"the weakest {share:.0%}", f"from there to the weakest {self.clear:.0%}", "the rest"
        else:
            first = (
                "more likely wrong than right by the estimate",
                f"right with a probability of 0.5 to below {self.clear:g}",
                f"right with a probability of {self.clear:g} or more",
            )
        return dict(zip(CLASSES, (*first, easy, none), strict=True))


class Decile(Frozen):
    """Pairs of similar strength.

    Attributes:
        n: Number of pairs.
        weakest: Least strength.
        strongest: Largest strength.
        wrong: Estimate of wrong labels.
        std: Mean standard deviation over the models.
        people: Human evidence on the labels; ``None`` without any.
    """

    n: int
    weakest: float
    strongest: float
    wrong: WrongLabels
    std: float
    people: PeopleSaid | None

    @property
    def right(self) -> tuple[float, float, float]:
        """Share of right labels: estimate, lower and upper end of its 95% interval."""
        return tuple(1 - value / self.n for value in (self.wrong.expected, self.wrong.high, self.wrong.low))  # type: ignore[return-value]


class Artefacts(Frozen):
    """What labels go with, other than quality.

    Attributes:
        longer_wins: Share of labels on the longer response; ``None`` where lengths are unknown.
        length_strength: Spearman's correlation of strength with the label's surplus in length.
        longer_wins_suspected: This share among the suspects.
        first_wins: Share of labels on the response that is stored first; ``None`` where it is always the same one.
    """

    longer_wins: float | None
    length_strength: float | None
    longer_wins_suspected: float | None
    first_wins: float | None


class Diagnosis(Frozen):
    """Diagnosis of a data set by preference strength.

    Attributes:
        n: Number of labelled pairs.
        no_difference: Number of pairs with a difference of exactly 0 for all models (identical responses, or identical
            after truncation), which are in no other figure.
        rule: Rule of the classes.
        counts: Number of pairs of each class.
        quality: Basis of the probabilities, with the noise rate.
        wrong: Estimate of wrong labels among all.
        suspects: Estimate of wrong labels among the suspects.
        negative: Share of pairs of negative strength: the models contradict the label.
        deciles: Deciles of strength, weakest first; fewer than ten for fewer than 100 pairs.
        votes_correlation: Spearman's correlation of strength with the human evidence on the labels.
        artefacts: Artefacts of length and position.
    """

    n: int
    no_difference: int
    rule: ClassRule
    counts: dict[PairClass, int]
    quality: LabelQuality
    wrong: WrongLabels
    suspects: WrongLabels
    negative: float
    deciles: tuple[Decile, ...]
    votes_correlation: float | None
    artefacts: Artefacts


def classify(strength: ArrayLike, std: ArrayLike, probability: ArrayLike, rule: ClassRule) -> NDArray[np.int64]:
    """The class of each pair as its place in `CLASSES`.

    Args:
        strength: Mean strength over the models, ``(N,)``.
        std: Standard deviation over the models, ``(N,)``.
        probability: Probability that the label is right, ``(N,)``; NaN for a pair without a difference.
        rule: Rule of the classes.

    Raises:
        InputError: The shapes differ.
    """
    s, d, q = (np.asarray(each, dtype=np.float64) for each in (strength, std, probability))
    if not s.shape == d.shape == q.shape:
        raise InputError(f"{len(s)} strengths, {len(d)} standard deviations, {len(q)} probabilities")
    told = ~np.isnan(q)
    places = np.zeros(len(s))
    places[told] = mid_ranks(s[told]) / max(int(told.sum()), 1)
    if rule.suspects.suspects == "sign":
        clear = s > d
    elif rule.suspects.suspects == "quantile":
        clear = places >= rule.clear
    else:
        clear = q >= rule.clear
    suspected = suspects(s, q, rule.suspects)
    easy = clear & (places >= 1 - rule.easy)
    return np.select([~told, suspected, easy, clear], [4, 0, 3, 2], default=1)


def diagnose(
    evidence: LabelEvidence,
    std: ArrayLike,
    quality: LabelQuality,
    rule: ClassRule,
    *,
    no_difference: int = 0,
    length_gap: ArrayLike | None = None,
    first: ArrayLike | None = None,
) -> Diagnosis:
    """Figures of the pairs whose responses differ to some model.

    Args:
        evidence: Strength, probability and people's word of ``N`` pairs.
        std: Standard deviation over the models, ``(N,)``.
        quality: Basis of the probabilities.
        rule: Rule of the classes.
        no_difference: Pairs that are left out, to be counted.
        length_gap: Length of the labelled response minus the other one, ``(N,)``.
        first: Whether the label is the response stored first, ``(N,)``.
    """
    s, d = evidence.strength, np.asarray(std, dtype=np.float64)
    classes = classify(s, d, evidence.probability, rule)
    counts: dict[PairClass, int] = {name: int((classes == place).sum()) for place, name in enumerate(CLASSES)}
    counts["no difference"] = no_difference
    seen = ~np.isnan(evidence.shown)
    correlation = rank_correlation(s[seen], evidence.shown[seen]) if seen.any() else np.nan
    wrong = evidence.wrong(np.ones(len(s), dtype=bool))
    if quality.basis != "expected rate":
        low, high = wrong.low / wrong.n, wrong.high / wrong.n
        rate = wrong.expected / wrong.n
        quality = quality.model_copy(update={"noise_rate": rate, "noise_low": low, "noise_high": high})
    return Diagnosis(
        n=len(s) + no_difference,
        no_difference=no_difference,
        rule=rule,
        counts=counts,
        quality=quality,
        wrong=wrong,
        suspects=evidence.wrong(classes == 0),
        negative=float((s < 0).mean()),
        deciles=tuple(_deciles(evidence, d)),
        votes_correlation=None if np.isnan(correlation) else correlation,
        artefacts=_artefacts(s, classes == 0, length_gap, first),
    )


def _deciles(evidence: LabelEvidence, std: NDArray[np.float64]) -> list[Decile]:
    s = evidence.strength
    bins = equal_mass_bins(s, min(BINS, max(len(s) // FEWEST_IN_BIN, 1)))
    return [
        Decile(
            n=int(own.sum()),
            weakest=float(s[own].min()),
            strongest=float(s[own].max()),
            wrong=evidence.wrong(own),
            std=float(std[own].mean()),
            people=evidence.people_said(own),
        )
        for own in (bins == number for number in np.unique(bins))
    ]


def _artefacts(
    s: NDArray[np.float64], wrong: NDArray[np.bool_], length_gap: ArrayLike | None, first: ArrayLike | None
) -> Artefacts:
    longer = suspected = correlation = None
    if length_gap is not None:
        gap = np.asarray(length_gap, dtype=np.float64)
        longer = _share(gap)
        suspected = _share(gap[wrong])
        found = rank_correlation(s, gap)
        correlation = None if np.isnan(found) else found
    stored = None if first is None else float(np.mean(np.asarray(first)))
    return Artefacts(
        longer_wins=longer,
        length_strength=correlation,
        longer_wins_suspected=suspected,
        first_wins=None if stored in (0.0, 1.0) else stored,
    )


def _share(gap: NDArray[np.float64]) -> float | None:
    return float(np.where(gap == 0, 0.5, gap > 0).mean()) if len(gap) else None
