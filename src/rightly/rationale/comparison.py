"""Judges against each other on the same pairs: paired tests, Holm over all of them, and letters for the table."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from rightly.metrics.bootstrap import bootstrap_difference
from rightly.metrics.paired import McNemar, holm, mcnemar, needed_pairs, significance_groups
from rightly.rationale.result import Estimate, PairedTest
from rightly.rationale.summary import JudgeView, Values
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


def paired_tests(views: Sequence[JudgeView], seed: int) -> tuple[PairedTest, ...]:
    """Every two judges: exact McNemar on the pair verdicts, paired bootstrap on consistency, both Holm-adjusted."""
    tests = [_test(first, second, seed) for first, second in combinations(views, 2)]
    accuracy = _adjusted([test.p_accuracy for test in tests])
    consistency = _adjusted([test.p_consistency for test in tests])
    return tuple(
        test.model_copy(update={"p_accuracy": p, "p_consistency": q})
        for test, p, q in zip(tests, accuracy, consistency, strict=True)
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


def _test(first: JudgeView, second: JudgeView, seed: int) -> PairedTest:
    shared = sorted(first.by_pair.keys() & second.by_pair.keys())
    outcome = mcnemar(_values(first.right(), shared), _values(second.right(), shared))
    c, d = (_values(view.metric("consistency"), shared) for view in (first, second))
    difference, p_consistency = Estimate(value=None, low=None, high=None, n=0), None
    if not np.isnan(c - d).all():
        found = bootstrap_difference(c, d, [first.clusters[pair_id] for pair_id in shared], seed=seed)
        known = found.n_clusters >= 2
        difference = Estimate(
            value=found.value, low=found.low if known else None, high=found.high if known else None, n=found.n
        )
        p_consistency = found.p if known else None
    return PairedTest(
        first=first.name,
        second=second.name,
        n=outcome.n,
        only_first=outcome.only_first,
        only_second=outcome.only_second,
        p_accuracy=outcome.p if outcome.n else None,
        consistency_difference=difference,
        p_consistency=p_consistency,
        needed_n=_needed(outcome),
    )


def _values(values: Values, pair_ids: Sequence[str]) -> NDArray[np.float64]:
    """One value a pair, NaN where it has none; shape [n]."""
    return np.array([np.nan if (value := values[pair_id]) is None else value for pair_id in pair_ids], dtype=float)


def _needed(outcome: McNemar) -> int | None:
    """Pairs that would tell the two apart, as they now look; ``None`` where they look equal."""
    difference = outcome.only_first - outcome.only_second
    if difference == 0:
        return None
    return needed_pairs(difference / outcome.n, (outcome.only_first + outcome.only_second) / outcome.n)


def _adjusted(p_values: Sequence[float | None]) -> list[float | None]:
    known = [p for p in p_values if p is not None]
    adjusted = iter(holm(known).tolist()) if known else iter(())
    return [None if p is None else next(adjusted) for p in p_values]
