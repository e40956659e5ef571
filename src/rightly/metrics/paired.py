"""Many tests at once: Holm's correction, the intervals that go with it, and letters for a table.

The tests themselves are those of `rightly.metrics.clustered`: judges are compared pair by pair because they answer the
same questions, so that most of the spread is the questions' and cancels.
"""

import string
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p_values: Sequence[float]) -> NDArray[np.float64]:
    """P-values corrected for testing many hypotheses (Holm, 1979); NaN stays NaN and is not counted as a test."""
    corrected = np.array(p_values, dtype=float)
    known = np.flatnonzero(~np.isnan(corrected))
    order = known[np.argsort(corrected[known], kind="stable")]
    times = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(1, np.maximum.accumulate(times * corrected[order]))
    return corrected


def holm_levels(p_values: Sequence[float], *, alpha: float = 0.05) -> NDArray[np.float64]:
    """The coverage at which the interval of each test leaves out 0 exactly where Holm's corrected p-value is below alpha.

    Never below ``1 - alpha``, so that each interval by itself covers at least as often; NaN where the p-value is.

    Args:
        p_values: Uncorrected p-values, shape [n].
        alpha: Level of the corrected tests.
    """
    raw, corrected = np.array(p_values, dtype=float), holm(p_values)
    times = np.divide(corrected, raw, out=np.full(len(raw), float((~np.isnan(raw)).sum())), where=raw > 0)
    return np.where(np.isnan(raw), np.nan, 1 - alpha / np.maximum(times, 1))


def significance_groups(
    names: Sequence[str], p_matrix: ArrayLike, means: Sequence[float], *, alpha: float = 0.05
) -> dict[str, str]:
    """Letters that say which judges a test can tell apart: two differ significantly iff they share no letter.

    A compact letter display (Piepho, "An Algorithm for a Letter-Based Representation of All-Pairwise Comparisons",
    2004): ``a`` is the group of the best, and ``ab`` belongs to two groups.

    Args:
        names: Names of the judges, k different ones.
        p_matrix: P-values already corrected for many tests; shape [k, k], symmetric; the diagonal is not read.
            NaN (no common pairs) counts as not different.
        means: Means that order the letters, larger is better; length k.
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
