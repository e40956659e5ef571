"""Letters of the audit's page where judges do not differ, and where they do: contexts repeat, judges are many."""

import numpy as np
import pytest
from scipy.stats import binom

from rightly.auditing.compare import letters, paired_tests

DRAWS = 200
MOST = int(binom.ppf(0.999, DRAWS, 0.05))
"""Rejections that a test of level 5% exceeds once in a thousand runs."""


class View:
    """What the comparison needs of a judge: outcome and consistency by pair."""

    def __init__(self, name, right, consistency, clusters):
        self.name, self._right, self._consistency = name, right, consistency
        self.clusters = self.by_pair = dict(enumerate(clusters))

    def right(self):
        return dict(enumerate(self._right))

    def metric(self, name):
        return dict(enumerate(self._consistency))


def null_views(random, contexts, each, judges, spread):
    """Judges with one mean accuracy and consistency whose skill differs from context to context."""
    clusters = np.repeat(np.arange(contexts), each)
    for number in range(judges):
        skill = np.repeat(random.beta(1 / spread, 1 / spread, contexts), each)
        right = (random.random(len(clusters)) < skill).astype(float)
        consistency = np.clip(skill + random.normal(0, 0.1, len(clusters)), 0, 1)
        yield View(f"judge {number}", right.tolist(), consistency.tolist(), clusters.tolist())


@pytest.mark.parametrize("which", ["p_accuracy", "p_consistency"])
@pytest.mark.parametrize(("contexts", "each"), [(8, 10), (24, 8)])
def test_two_equal_judges_get_two_letters_in_a_twentieth_of_audits(which, contexts, each):
    random = np.random.default_rng(contexts)
    rejected = 0
    for _ in range(DRAWS):
        tests = paired_tests(list(null_views(random, contexts, each, 2, 0.5)))
        found = letters(["judge 0", "judge 1"], [0.5, 0.5], tests, which)
        rejected += not set(found["judge 0"]) & set(found["judge 1"])
    assert 1 <= rejected <= MOST


def test_equal_judges_share_a_letter_whatever_their_number():
    random = np.random.default_rng(5)
    apart = 0
    for _ in range(DRAWS // 2):
        tests = paired_tests(list(null_views(random, 24, 4, 5, 0.5)))
        apart += min(test.p_accuracy for test in tests) < 0.05
    assert apart <= binom.ppf(0.999, DRAWS // 2, 0.05)


def test_a_judge_that_is_plainly_different_is_found_among_thirty():
    random = np.random.default_rng(0)
    views = list(null_views(random, 40, 1, 29, 0.5))
    views.append(View("other", [1.0] * 40, [0.99] * 40, range(40)))
    tests = paired_tests(views)
    against = [test for test in tests if test.second == "other"]
    assert all(test.p_accuracy < 0.05 for test in against)
    assert all(test.p_consistency < 0.05 for test in against)


@pytest.mark.parametrize("judges", [2, 6])
def test_a_rows_interval_leaves_out_zero_exactly_where_its_letter_differs(judges):
    random = np.random.default_rng(judges)
    seen = set()
    for _ in range(40):
        views = list(null_views(random, 12, 4, judges - 1, 0.5))
        views.append(
            View("better", *[(random.random(48) < 0.9).astype(float).tolist()] * 2, [i // 4 for i in range(48)])
        )
        tests = paired_tests(views)
        for which in ("accuracy", "consistency"):
            found = letters([view.name for view in views], [0.5] * judges, tests, f"p_{which}")
            for test in tests:
                interval = getattr(test, f"{which}_difference")
                apart = not set(found[test.first]) & set(found[test.second])
                assert apart == (interval.low > 0 or interval.high < 0)
                seen.add(apart)
    assert seen == {True, False}
