"""Intervals and tests over clusters: hand-computed cases, known tests as oracles, laws, level and coverage."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from rightly.metrics.auc import auc
from rightly.metrics.clustered import (
    clustered_mean,
    difference_of_groups,
    jackknife,
    paired_difference,
    statistic_spread,
)

values = st.one_of(st.sampled_from([0.0, 0.5, 1.0, math.nan]), st.floats(0, 1))
keyed = st.lists(st.tuples(values, values, st.integers(0, 5)), max_size=15)

DRAWS = 400
MOST = int(scipy.stats.binom.ppf(0.999, DRAWS, 0.05))
LEAST = int(scipy.stats.binom.ppf(0.001, DRAWS, 0.05))


def columns(items):
    return tuple(map(list, zip(*items, strict=True))) if items else ([], [], [])


def test_three_clusters_by_hand():
    # Sums 2, 0, 1 of sizes 2, 1, 1: without each of them 1/2, 1, 2/3; squares around 13/18 sum to 7/54.
    found = clustered_mean([1, 1, 0, 1], ["x", "x", "y", "z"])
    assert found.value == 0.75
    assert found.variance == pytest.approx(2 / 3 * 7 / 54)
    assert (found.n, found.n_clusters) == (4, 3)
    assert found.freedom <= 2


def test_single_pairs_have_the_variance_of_the_mean():
    data = np.random.default_rng(3).random(60)
    found = clustered_mean(data)
    assert found.variance == pytest.approx(data.var(ddof=1) / 60)
    assert found.freedom == pytest.approx(59)


def test_a_large_sample_of_outcomes_has_wilsons_interval():
    data = [1.0] * 1700 + [0.0] * 300
    expected = proportion_confint(1700, 2000, method="wilson")
    assert clustered_mean(data).share_ends() == pytest.approx(expected, abs=1e-4)


def test_a_large_sample_of_differences_has_students_interval():
    random = np.random.default_rng(0)
    one, two = random.random(800), random.random(800)
    spread = paired_difference(one, two)
    expected = scipy.stats.ttest_rel(one, two)
    assert spread.difference_p() == pytest.approx(expected.pvalue, abs=2e-3)
    assert spread.difference_ends() == pytest.approx(tuple(expected.confidence_interval()), abs=1e-3)


def test_missing_values_and_clusters_are_counted():
    found = clustered_mean([1, math.nan, 0, 1, math.nan], ["x", "x", "y", "y", "z"])
    assert (found.value, found.n, found.n_clusters) == (2 / 3, 3, 2)


def test_repeats_of_a_context_add_nothing():
    data = np.random.default_rng(0).integers(0, 2, 80).astype(float)
    once = clustered_mean(data)
    repeated = clustered_mean(np.repeat(data, 5), np.repeat(np.arange(80), 5).tolist())
    assert repeated.variance == pytest.approx(once.variance)
    naive = clustered_mean(np.repeat(data, 5))
    assert naive.standard_error < 0.5 * once.standard_error


@pytest.mark.parametrize("data", [[], [math.nan], [0.3], [0.3, math.nan]])
def test_fewer_than_two_clusters_have_no_interval(data):
    found = clustered_mean(data)
    assert found.value == 0.3 if 0.3 in data else math.isnan(found.value)
    assert all(map(math.isnan, found.share_ends()))
    difference = paired_difference(data, data)
    assert math.isnan(difference.difference_p())
    assert difference.needed() is None


def test_an_interval_keeps_its_width_where_all_values_are_equal():
    # Wilson's lower end for 10 of 10 with Student's quantile: 10 / (10 + t^2).
    low, high = clustered_mean([1.0] * 10).share_ends()
    assert low == pytest.approx(10 / (10 + scipy.stats.t.ppf(0.975, 9) ** 2))
    assert high == 1
    one_wrong = clustered_mean([1.0] * 479 + [0.0], [i // 20 for i in range(480)]).share_ends()
    none_wrong = clustered_mean([1.0] * 480, [i // 20 for i in range(480)]).share_ends()
    assert none_wrong[0] == pytest.approx(one_wrong[0], abs=0.01)


def test_judges_that_never_differ():
    found = paired_difference([0, 1, 1], [0, 1, 1])
    assert found.difference_p() == 1
    low, high = found.difference_ends()
    assert low == -high < 0


def test_two_contexts_prove_nothing():
    assert paired_difference([1, 1], [0, 0]).difference_p() > 0.3


@pytest.mark.parametrize(("only_first", "only_second", "both"), [(60, 55, 235), (73, 51, 226), (40, 12, 200)])
def test_outcomes_of_single_pairs_are_tested_as_by_mcnemar(only_first, only_second, both):
    first = [1] * only_first + [0] * only_second + [1] * both
    second = [0] * only_first + [1] * only_second + [1] * both
    asymptotic = mcnemar([[both, only_first], [only_second, 0]], exact=False, correction=False).pvalue
    assert paired_difference(first, second).difference_p() == pytest.approx(asymptotic, abs=0.01)


def test_pairing_sees_what_two_intervals_hide():
    random = np.random.default_rng(0)
    hard = random.random(200) * 0.8
    better = hard + random.random(200) * 0.1
    assert paired_difference(better, hard).difference_p() < 1e-12
    assert clustered_mean(better).share_ends()[0] < clustered_mean(hard).share_ends()[1]


def test_pairs_where_either_is_missing_do_not_count():
    found = paired_difference([1, math.nan, 1, 0], [0, 1, math.nan, 1])
    assert (found.value, found.n) == (0, 2)


def test_the_difference_of_two_groups():
    inside = [True] * 30 + [False] * 20
    data = [1.0] * 27 + [0.0] * 3 + [1.0] * 8 + [0.0] * 12
    found = difference_of_groups(data, inside)
    assert found.value == pytest.approx(0.5)
    independent = math.sqrt(0.9 * 0.1 / 30 + 0.4 * 0.6 / 20)
    assert found.standard_error == pytest.approx(independent, rel=0.05)
    assert all(map(math.isnan, difference_of_groups([1, 0], [True, True]).difference_ends()))


def test_needed_values_give_the_power_that_is_asked_for():
    # Of independent pairs: (1.95996 + .84162)^2 (.3 - .01) / .01 = 227.6, the variance of the difference being .29.
    first = [1] * 40 + [0] * 20 + [1] * 140
    second = [0] * 40 + [1] * 20 + [1] * 140
    assert paired_difference(first, second).needed() == pytest.approx(229, abs=1)


def test_an_area_under_a_curve_over_clusters():
    random = np.random.default_rng(2)
    keys = np.repeat(np.arange(60), 4)
    positive = random.random(240) < 0.5
    scores = positive + random.normal(size=240)
    found = statistic_spread(lambda rows: auc(scores[rows], positive[rows]), keys.tolist())
    assert found.value == pytest.approx(auc(scores, positive))
    # Hanley and McNeil's error of an area of .76 from 120 and 120 independent rows is .031.
    assert found.standard_error == pytest.approx(0.031, rel=0.25)


def test_strata_add_their_variances():
    whole = jackknife(0.5, [np.array([0.4, 0.5, 0.6]), np.array([0.45, 0.55])], n=5, repeated=False)
    assert whole.variance == pytest.approx(2 / 3 * 0.02 + 1 / 2 * 0.005)
    alone = jackknife(0.5, [np.array([0.4, 0.5, 0.6]), np.array([0.7])], n=4, repeated=False)
    assert alone.variance == pytest.approx(2 / 3 * 0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: clustered_mean([0, math.inf]), "value 1 is inf"),
        (lambda: clustered_mean([0, -0.2]), "value 1 is -0.2, expected 0 to 1"),
        (lambda: clustered_mean([[0.0, 1.0]]), "one value a pair"),
        (lambda: clustered_mean([0, 1], ["x"]), "1 cluster keys"),
        (lambda: clustered_mean([0, 1]).share_ends(1.0), "level"),
        (lambda: paired_difference([0, 1], [1]), "same pairs"),
        (lambda: difference_of_groups([0, math.nan], [True, False]), "may be missing"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@settings(deadline=None)
@given(keyed, st.randoms(use_true_random=False))
def test_permuting_pairs_and_renaming_clusters_change_nothing(items, random):
    first, second, keys = columns(items)
    first_, second_, keys_ = columns(random.sample(items, len(items)))
    names = [f"context {-key}" for key in keys_]
    assert str(clustered_mean(first, keys)) == str(clustered_mean(first_, names))
    assert str(paired_difference(first, second, keys)) == str(paired_difference(first_, second_, names))


@settings(deadline=None)
@given(keyed)
def test_exchanging_the_judges_changes_the_sign(items):
    first, second, keys = columns(items)
    one, two = paired_difference(first, second, keys), paired_difference(second, first, keys)
    assert one.value == -two.value or (math.isnan(one.value) and math.isnan(two.value))
    low, high = one.difference_ends()
    if not math.isnan(low):
        assert two.difference_ends() == pytest.approx((-high, -low), abs=1e-9)
        assert one.difference_p() == pytest.approx(two.difference_p(), abs=1e-9)


@settings(deadline=None)
@given(keyed, st.sampled_from([0.8, 0.95, 0.999]))
def test_an_interval_lies_within_its_range_holds_its_figure_and_agrees_with_its_p_value(items, level):
    first, second, keys = columns(items)
    share, difference = clustered_mean(first, keys), paired_difference(first, second, keys)
    low, high = share.share_ends(level)
    if not math.isnan(low):
        assert 0 <= low <= share.value + 1e-9
        assert share.value - 1e-9 <= high <= 1
    low, high = difference.difference_ends(level)
    if not math.isnan(low):
        assert -1 <= low <= high <= 1
        p = difference.difference_p()
        if abs(p - (1 - level)) > 1e-9:
            assert (p < 1 - level) == (low > 0 or high < 0)


def clustered_outcomes(random, contexts, each, accuracy, correlation):
    """Right and wrong of judges whose accuracy on a context is beta-distributed around their own."""
    a, b = (share * (1 - correlation) / correlation for share in (accuracy, 1 - accuracy))
    skill = np.repeat(random.beta(a, b, contexts), each)
    return (random.random(contexts * each) < skill).astype(float)


@pytest.mark.parametrize(
    ("contexts", "each", "accuracy", "correlation"),
    [(8, 10, 0.5, 0.3), (24, 20, 0.7, 0.3), (100, 3, 0.95, 0.1), (24, 20, 0.95, 0.1)],
)
def test_levels_and_coverage_under_clustering(contexts, each, accuracy, correlation):
    random = np.random.default_rng(contexts + each)
    keys = np.repeat(np.arange(contexts), each).tolist()
    missed = rejected = 0
    for _ in range(DRAWS):
        one, two = (clustered_outcomes(random, contexts, each, accuracy, correlation) for _ in range(2))
        low, high = clustered_mean(one, keys).share_ends()
        missed += not low <= accuracy <= high
        rejected += paired_difference(one, two, keys).difference_p() < 0.05
    assert missed <= MOST
    assert LEAST <= rejected <= MOST


def test_few_informative_clusters_leave_few_degrees_of_freedom():
    rare = clustered_mean([0.0] * 20 + [1.0] * 460, [i // 20 for i in range(480)])
    assert rare.freedom < 3
