"""Judges against each other on the same pairs: paired tests over contexts, Holm over all of them, letters for the table."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rightly.auditing.judge_summary import JudgmentsByPair, Values
from rightly.auditing.result import PairedTest
from rightly.metrics.clustered import Spread, paired_difference
from rightly.metrics.estimate import Estimate
from rightly.metrics.paired import holm, holm_levels, significance_groups
from rightly.types import Frozen

ALPHA = 0.05


class Comparison(Frozen):
    """Every two judges of one or several audits.

    Attributes:
        tests: The tests.
        notes: What was not tested, and why.
    """

    tests: tuple[PairedTest, ...]
    notes: tuple[str, ...] = ()


class _Found(NamedTuple):
    first: str
    second: str
    only_first: int
    only_second: int
    accuracy: Spread
    consistency: Spread


def paired_tests(views: Sequence[JudgmentsByPair]) -> tuple[PairedTest, ...]:
    """Every two judges on the pairs that they share: outcomes and consistency, each Holm-adjusted over all rows."""
    found = [_found(first, second) for first, second in combinations(views, 2)]
    accuracy, consistency = (_adjusted([getattr(row, name) for row in found]) for name in ("accuracy", "consistency"))
    return tuple(
        PairedTest(
            first=row.first,
            second=row.second,
            n=row.accuracy.n,
            only_first=row.only_first,
            only_second=row.only_second,
            accuracy_difference=difference,
            p_accuracy=p,
            consistency_difference=other_difference,
            p_consistency=q,
            needed_n=row.accuracy.needed(),
        )
        for row, (difference, p), (other_difference, q) in zip(found, accuracy, consistency, strict=True)
    )


def letters(
    names: Sequence[str], means: Sequence[float | None], tests: Sequence[PairedTest], which: str
) -> dict[str, str]:
    """Compact letters by judge: two judges that share a letter cannot be told apart.

    Args:
        names: The judges.
        means: Their means, for the order of the letters; a judge without one gets none.
        tests: The tests of every two of them.
        which: ``"p_accuracy"`` or ``"p_consistency"``.
    """
    measured = [(name, mean) for name, mean in zip(names, means, strict=True) if mean is not None]
    place = {name: i for i, (name, _) in enumerate(measured)}
    p_values = [[1.0] * len(measured) for _ in measured]
    for test in tests:
        p = getattr(test, which)
        if test.first in place and test.second in place and p is not None:
            i, j = place[test.first], place[test.second]
            p_values[i][j] = p_values[j][i] = p
    if len(measured) < 2:
        return dict.fromkeys(names, "")
    found = significance_groups([name for name, _ in measured], p_values, [mean for _, mean in measured], alpha=ALPHA)
    return {name: found.get(name, "") for name in names}


def _found(first: JudgmentsByPair, second: JudgmentsByPair) -> _Found:
    shared = sorted(first.by_pair.keys() & second.by_pair.keys())
    clusters = [first.clusters[pair_id] for pair_id in shared]
    one, two = (_values(view.right(), shared) for view in (first, second))
    found, other = (_values(view.metric("consistency"), shared) for view in (first, second))
    return _Found(
        first=first.name,
        second=second.name,
        only_first=int((one > two).sum()),
        only_second=int((two > one).sum()),
        accuracy=paired_difference(one, two, clusters),
        consistency=paired_difference(found, other, clusters),
    )


def _values(values: Values, pair_ids: Sequence[str]) -> NDArray[np.float64]:
    """One value a pair, NaN where it has none; shape [n]."""
    return np.array([np.nan if (value := values[pair_id]) is None else value for pair_id in pair_ids], dtype=float)


def _adjusted(spreads: Sequence[Spread]) -> list[tuple[Estimate, float | None]]:
    """Each difference with the interval of the level at which Holm tests it, and its adjusted p-value."""
    raw = [spread.difference_p() for spread in spreads]
    rows = []
    for spread, p, level in zip(spreads, holm(raw), holm_levels(raw, alpha=ALPHA), strict=True):
        low, high = (None, None) if np.isnan(p) else spread.difference_ends(float(level))
        value = None if np.isnan(spread.value) else spread.value
        rows.append((Estimate(value=value, low=low, high=high, n=spread.n), None if np.isnan(p) else float(p)))
    return rows
