"""Paired tests between judges."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from rightly.metrics.paired import detectable_difference, holm, mcnemar, needed_pairs, significance_groups


def outcomes(both, only_first, only_second, neither):
    rows = [(1, 1)] * both + [(1, 0)] * only_first + [(0, 1)] * only_second + [(0, 0)] * neither
    return [a for a, _ in rows], [b for _, b in rows]


@pytest.mark.parametrize(("only_first", "only_second", "p"), [(73, 51, 0.059), (60, 55, 0.709)])
def test_published_discordant_counts(only_first, only_second, p):
    # JudgeBench's stored judges against each other (o1-mini and two reward models).
    found = mcnemar(*outcomes(120, only_first, only_second, 100))
    assert round(found.p, 3) == p
    assert (found.only_first, found.only_second) == (only_first, only_second)


@given(st.integers(0, 30), st.integers(0, 30))
def test_the_exact_test_is_that_of_statsmodels(only_first, only_second):
    found = mcnemar(*outcomes(5, only_first, only_second, 5)).p
    expected = statsmodels_mcnemar([[5, only_first], [only_second, 5]], exact=True).pvalue
    assert found == pytest.approx(min(1.0, expected))


def test_missing_outcomes_leave_both_and_halves_are_refused():
    found = mcnemar([1, math.nan, 0, 1], [1, 1, math.nan, 0])
    assert (found.n, found.n_missing, found.only_first) == (2, 2, 1)
    with pytest.raises(ValueError, match="0 or 1"):
        mcnemar([0.5], [1])


def test_holm_by_hand():
    # sorted .01 .03 .04: times 3, 2, 1, then made monotone
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])


@pytest.mark.parametrize(
    ("different", "letters"),
    [
        ([], {"x": "a", "y": "a", "z": "a"}),
        ([("x", "z")], {"x": "a", "y": "ab", "z": "b"}),
        ([("x", "y"), ("x", "z"), ("y", "z")], {"x": "a", "y": "b", "z": "c"}),
    ],
)
def test_judges_that_share_a_letter_cannot_be_told_apart(different, letters):
    names = ["x", "y", "z"]
    p = [[0.01 if (a, b) in different or (b, a) in different else 0.9 for b in names] for a in names]
    assert significance_groups(names, p, [0.9, 0.8, 0.7]) == letters


@given(st.integers(1, 7), st.randoms())
def test_letters_say_exactly_what_the_tests_say(k, rng):
    p = [[1.0] * k for _ in range(k)]
    for i in range(k):
        for j in range(i):
            p[i][j] = p[j][i] = rng.choice([0.001, 0.5])
    names = [f"j{i}" for i in range(k)]
    letters = significance_groups(names, p, [rng.random() for _ in names])
    for i in range(k):
        for j in range(i):
            assert bool(set(letters[names[i]]) & set(letters[names[j]])) == (p[i][j] > 0.05)


def test_needed_pairs_and_detectable_difference_agree():
    n = needed_pairs(0.05, 0.3)
    assert detectable_difference(n, 0.3) == pytest.approx(0.05, abs=1e-4)
    # z = 1.96 and .8416: (1.96 sqrt(.3) + .8416 sqrt(.3 - .0025))^2 / .0025
    assert n == 940
    assert needed_pairs(-0.05, 0.3) == n
