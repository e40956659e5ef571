"""Paired tests between judges on the same pairs, corrected for many, and what a benchmark of a size can tell.

Judges are compared pair by pair because they answer the same questions: most of the spread is the questions' and
cancels.
"""

import math
import string
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class McNemar:
    """Exact McNemar test of two judges' right and wrong on the same pairs.

    Attributes:
        n: Pairs where both judges count as right or wrong.
        n_missing: Pairs left out because one of them has no value.
        only_first: Pairs that only the first judge has right.
        only_second: Pairs that only the second judge has right.
        p: Two-sided exact p-value; 1 when the judges never differ.
    """

    n: int
    n_missing: int
    only_first: int
    only_second: int
    p: float


def mcnemar(first: ArrayLike, second: ArrayLike) -> McNemar:
    """Test whether two judges are right equally often (McNemar, 1947; exact binomial form).

    Args:
        first: 1 right, 0 wrong, NaN missing; shape [n].
        second: The same of the other judge, in the same order of pairs; shape [n].

    Raises:
        ValueError: Shapes differ, or a value is none of 0, 1, NaN (half credits have no exact test; use
            ``bootstrap_difference``).
    """
    from scipy.stats import binomtest

    one, two = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if one.shape != two.shape or one.ndim != 1:
        raise ValueError(f"shapes {one.shape} and {two.shape}; the same pairs are needed in both")
    known = ~(np.isnan(one) | np.isnan(two))
    one, two = one[known], two[known]
    if not (np.isin(one, (0, 1)).all() and np.isin(two, (0, 1)).all()):
        raise ValueError("McNemar's test needs outcomes of 0 or 1; use bootstrap_difference for graded values")
    only_first, only_second = int((one > two).sum()), int((two > one).sum())
    discordant = only_first + only_second
    return McNemar(
        n=len(one),
        n_missing=int((~known).sum()),
        only_first=only_first,
        only_second=only_second,
        p=float(binomtest(only_first, discordant).pvalue) if discordant else 1.0,
    )


def holm(p_values: Sequence[float]) -> NDArray[np.float64]:
    """P-values corrected for testing many hypotheses (Holm, 1979); NaN stays NaN and is not counted as a test."""
    from statsmodels.stats.multitest import multipletests

    corrected = np.array(p_values, dtype=float)
    known = ~np.isnan(corrected)
    if known.any():
        corrected[known] = multipletests(corrected[known], method="holm")[1]
    return corrected


def significance_groups(
    names: Sequence[str], p_matrix: ArrayLike, means: Sequence[float], *, alpha: float = 0.05
) -> dict[str, str]:
    """Letters that say which judges a test can tell apart: two differ significantly iff they share no letter.

    A compact letter display (Piepho, "An Algorithm for a Letter-Based Representation of All-Pairwise Comparisons",
    2004): ``a`` is the group of the best, and ``ab`` belongs to two groups.

    Args:
        names: The judges, k different names.
        p_matrix: P-values already corrected for many tests; shape [k, k], symmetric; the diagonal is not read.
            NaN (no common pairs) counts as not different.
        means: What orders the letters, larger is better; length k.
        alpha: Level of significance.

    Returns:
        Letters by name, in the order of ``names``.

    Raises:
        ValueError: Names repeat, shapes differ, or the matrix is not symmetric.
    """
    p, k = np.asarray(p_matrix, dtype=float), len(names)
    if len(set(names)) != k or len(means) != k or p.shape != (k, k):
        raise ValueError(f"{k} names ({len(set(names))} different), {len(means)} means, p-values of shape {p.shape}")
    if not np.array_equal(p[~np.eye(k, dtype=bool)], p.T[~np.eye(k, dtype=bool)], equal_nan=True):
        raise ValueError("the matrix of p-values is not symmetric")
    best_first = sorted(range(k), key=lambda i: (-means[i], names[i]))
    different = [(i, j) for i in range(k) for j in range(i) if p[best_first[i], best_first[j]] < alpha]
    groups = sorted(sorted(group) for group in _undivided(k, different))
    letters = dict.fromkeys(names, "")
    for number, group in enumerate(groups):
        for rank in group:
            letters[names[best_first[rank]]] += _letter(number)
    return letters


def needed_pairs(difference: float, discordance: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Pairs needed to find a difference of accuracies with McNemar's test.

    The normal approximation of Connor ("Sample Size for Testing Differences in Proportions for the Paired-Sample
    Design", 1987): ``n = (z_{1-alpha/2} sqrt(q) + z_power sqrt(q - d^2))^2 / d^2``. The exact test needs a few more.

    Args:
        difference: The true difference d of the accuracies, not 0.
        discordance: Share q of pairs that exactly one of the judges has right, at least ``|difference|``.
        alpha: Level of the two-sided test.
        power: Probability of finding the difference.

    Raises:
        ValueError: A share out of its range.
    """
    d = abs(difference)
    if not 0 < d <= discordance <= 1:
        raise ValueError(f"0 < |difference| <= discordance <= 1 is needed; got {difference} and {discordance}")
    z_alpha, z_power = _quantiles(alpha, power)
    root = z_alpha * math.sqrt(discordance) + z_power * math.sqrt(discordance - d * d)
    return math.ceil(root**2 / d**2)


def _quantiles(alpha: float, power: float) -> tuple[float, float]:
    if not 0 < alpha < 1 or not 0.5 <= power < 1:
        raise ValueError(f"0 < alpha < 1 and 0.5 <= power < 1 are needed; got {alpha} and {power}")
    normal = NormalDist()
    return normal.inv_cdf(1 - alpha / 2), normal.inv_cdf(power)


def _undivided(k: int, different: Sequence[tuple[int, int]]) -> set[frozenset[int]]:
    """The largest sets of 0..k-1 that hold no different pair (insert and absorb)."""
    groups = {frozenset(range(k))} if k else set()
    for i, j in different:
        split = {group - {member} for group in groups for member in (i, j) if {i, j} <= group}
        groups = {group for group in groups if not {i, j} <= group} | split
        groups = {group for group in groups if not any(group < other for other in groups)}
    return groups


def _letter(number: int) -> str:
    letters = string.ascii_letters
    return letters[number] if number < len(letters) else f"({number + 1})"
