"""Intervals: known cases, clusters, and laws."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rightly.metrics.bootstrap import bootstrap_difference, bootstrap_mean, bootstrap_statistic

VALUES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, math.nan]), min_size=2, max_size=40)


def test_the_interval_of_a_coin_is_the_binomial_one():
    found = bootstrap_mean([1.0] * 60 + [0.0] * 40)
    assert found.value == 0.6
    # 0.6 -+ 1.96 sqrt(.6 x .4 / 100)
    assert found.low == pytest.approx(0.504, abs=0.015)
    assert found.high == pytest.approx(0.696, abs=0.015)


def test_repeating_every_pair_in_its_cluster_adds_no_certainty():
    values = [float(i % 2) for i in range(50)]
    once = bootstrap_mean(values, list(range(50)))
    often = bootstrap_mean(values * 8, list(range(50)) * 8)
    assert (often.low, often.high) == (once.low, once.high)
    assert (often.n, often.n_clusters) == (400, 50)
    assert bootstrap_mean(values * 8).high < once.high


@settings(max_examples=25)
@given(VALUES, st.randoms())
def test_the_order_of_pairs_changes_nothing(values, shuffler):
    clusters = [i % 5 for i in range(len(values))]
    rows = list(zip(values, clusters, strict=True))
    shuffler.shuffle(rows)
    before = bootstrap_mean(values, clusters, resamples=200)
    after = bootstrap_mean([v for v, _ in rows], [c for _, c in rows], resamples=200)
    np.testing.assert_equal(
        (before.value, before.low, before.high, before.n), (after.value, after.low, after.high, after.n)
    )


def test_missing_values_are_left_out_and_counted():
    found = bootstrap_mean([1.0, math.nan, 0.0])
    assert (found.value, found.n, found.n_missing) == (0.5, 2, 1)


def test_the_seed_decides():
    values = [random.Random(i).random() for i in range(30)]
    assert bootstrap_mean(values, seed=1) == bootstrap_mean(values, seed=1)
    assert bootstrap_mean(values, seed=1).low != bootstrap_mean(values, seed=2).low


def test_one_cluster_has_no_interval():
    found = bootstrap_mean([0.0, 1.0], ["c", "c"])
    assert found.value == 0.5
    assert math.isnan(found.low)


def test_paired_differences_see_what_separate_intervals_do_not():
    rng = np.random.default_rng(0)
    hard = rng.random(200)
    first, second = hard, hard - 0.02 + rng.normal(0, 0.02, 200)
    found = bootstrap_difference(first, second)
    assert found.low > 0
    assert found.p < 0.01
    one, other = bootstrap_mean(first), bootstrap_mean(second)
    assert one.low < other.high


def test_exchanging_the_two_changes_the_sign_and_nothing_else():
    rng = np.random.default_rng(1)
    a, b = rng.random(60), rng.random(60)
    forth, back = bootstrap_difference(a, b), bootstrap_difference(b, a)
    assert (back.value, back.low, back.high, back.p) == (-forth.value, -forth.high, -forth.low, forth.p)


def test_equal_judges_do_not_differ():
    assert bootstrap_difference([0.5, 0.25, 1.0] * 9, [0.5, 0.25, 1.0] * 9).p == 1.0


def test_any_statistic_over_clusters():
    data = np.arange(40, dtype=float)
    found = bootstrap_statistic(lambda rows: float(np.median(data[rows])), [i // 2 for i in range(40)], seed=3)
    assert found.value == 19.5
    assert found.low < 19.5 < found.high
    assert found.n_clusters == 20
