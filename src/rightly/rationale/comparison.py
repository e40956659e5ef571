"""Judges against each other on the same pairs: paired tests, Holm over all of them, and letters for the table."""

from collections.abc import Sequence
from itertools import combinations

from rightly.metrics.bootstrap import bootstrap_difference
from rightly.metrics.paired import McNemar, holm, mcnemar, needed_pairs, significance_groups
from rightly.rationale.result import Estimate, PairedTest
from rightly.rationale.summary import JudgeView

ALPHA = 0.05


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
    a, b = first.right(), second.right()
    shared = [pair_id for pair_id in a if a[pair_id] is not None and b.get(pair_id) is not None]
    outcome = mcnemar([a[p] for p in shared], [b[p] for p in shared])
    c, d = first.metric("consistency"), second.metric("consistency")
    both = [pair_id for pair_id in c if c[pair_id] is not None and d.get(pair_id) is not None]
    difference, p_consistency = Estimate(value=None, low=None, high=None, n=0), None
    if both:
        clusters = [first.clusters[pair_id] for pair_id in both]
        found = bootstrap_difference([c[p] for p in both], [d[p] for p in both], clusters, seed=seed)
        difference = Estimate(value=found.value, low=found.low, high=found.high, n=found.n)
        p_consistency = found.p
    return PairedTest(
        first=first.name,
        second=second.name,
        n=len(shared),
        only_first=outcome.only_first,
        only_second=outcome.only_second,
        p_accuracy=outcome.p if shared else None,
        consistency_difference=difference,
        p_consistency=p_consistency,
        needed_n=_needed(outcome),
    )


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
