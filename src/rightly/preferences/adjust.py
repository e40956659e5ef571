"""What a pair should say to the loss, from its strength: target, margin, weight, or leave it out.

Presets of Wang et al., "Secrets of RLHF Part II" (2024), section 2: flip, label smoothing for suspected pairs, adaptive margin,
and their combinations; ``drop`` as later comparisons favour; ``weight``, which changes no label: ``max(2 q - 1, 0)``;
``auto``, our reading of the 2024 follow-up: one continuous
rule without thresholds,

    L = -[ q log sigma(d - m) + (1 - q) log sigma(-d - m) ],   m = clip(kappa |s|, 0, m_max),

with q capped, since strong pairs are overfitted soonest.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rightly.errors import InputError
from rightly.types import Frozen

Preset = Literal["baseline", "flip", "smooth", "margin", "flip+margin", "smooth+margin", "weight", "drop", "auto"]
PRESETS: tuple[Preset, ...] = get_args(Preset)

Suspects = Literal["quantile", "sign", "probability"]


class AdjustRule(Frozen):
    """How strength turns into terms of the loss.

    Attributes:
        preset: Action on the pairs.
        suspects: Suspected labels: ``probability``, those more likely wrong than right; ``sign``, those of
            negative strength; ``quantile``, the weakest ``share``, as in the papers.
        share: Share of the pairs that are suspected, for ``quantile``; the papers' 0.2.
        smoothing: Weight of the other order for suspects under ``smooth``; the papers do not give it.
        kappa: Margin per unit of normalised strength.
        margin_max: Largest margin; the authors advise small ones.
        cap: Largest target under ``auto``; its mirror image is the smallest.
    """

    preset: Preset = "auto"
    suspects: Suspects = "probability"
    share: float = 0.2
    smoothing: float = 0.4
    kappa: float = 0.5
    margin_max: float = 1.0
    cap: float = 0.95


@dataclass(frozen=True)
class Adjustment:
    """Terms of ``N`` pairs.

    Attributes:
        target: Probability that the label is right, ``(N,)``; below 1/2 the pair is flipped.
        margin: Margin in the loss, ``(N,)``.
        weight: Weight in the loss, ``(N,)``.
        keep: Whether the pair is kept, ``(N,)``.
    """

    target: NDArray[np.float64]
    margin: NDArray[np.float64]
    weight: NDArray[np.float64]
    keep: NDArray[np.bool_]


def adjust(strength: ArrayLike, probability: ArrayLike, rule: AdjustRule) -> Adjustment:
    """Terms of the loss for pairs.

    Args:
        strength: Normalised strength (`rightly.preferences.strength`), ``(N,)``, with its sign relative to the label.
        probability: Probability, ``(N,)``, that the label is right (`rightly.preferences.quality`); NaN for a pair without a
            difference, which stays as it is.
        rule: Rule of the adjustment.

    Raises:
        InputError: The shapes differ.
    """
    s, q = np.asarray(strength, dtype=np.float64), np.asarray(probability, dtype=np.float64)
    if s.shape != q.shape:
        raise InputError(f"{len(s)} strengths for {len(q)} probabilities")
    n = len(s)
    wrong = suspects(s, q, rule)
    target, margin, weight, keep = np.ones(n), np.zeros(n), np.ones(n), np.ones(n, dtype=bool)
    if rule.preset in ("flip", "flip+margin"):
        target[wrong] = 0.0
    if rule.preset in ("smooth", "smooth+margin"):
        target[wrong] = 1 - rule.smoothing
    if rule.preset in ("margin", "smooth+margin"):
        margin = np.clip(rule.kappa * s, -rule.margin_max, rule.margin_max)
    if rule.preset in ("flip+margin", "auto"):
        margin = np.clip(rule.kappa * np.abs(s), 0, rule.margin_max)
    if rule.preset == "weight":
        weight = np.where(np.isnan(q), 1.0, np.maximum(2 * q - 1, 0.0))
    if rule.preset == "drop":
        keep[wrong] = False
    if rule.preset == "auto":
        target = np.where(np.isnan(q), 1.0, np.clip(q, 1 - rule.cap, rule.cap))
    return Adjustment(target, margin, weight, keep)


def suspects(strength: ArrayLike, probability: ArrayLike, rule: AdjustRule) -> NDArray[np.bool_]:
    """Which labels are suspected, ``(N,)``: never those of pairs without a difference, whose probability is NaN.

    Of equal strengths at the edge of the share none is taken.
    """
    s, q = np.asarray(strength, dtype=np.float64), np.asarray(probability, dtype=np.float64)
    told = ~np.isnan(q)
    if rule.suspects == "sign":
        return told & (s < 0)
    if rule.suspects == "probability":
        return told & (q < 0.5)
    count, own = int(rule.share * told.sum()), s[told]
    return told & (s < np.partition(own, count)[count]) if count < len(own) else told
