import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from rightly.metrics.ranks import equal_mass_bins, mid_ranks, rank_correlation

lists = st.lists(st.integers(-5, 5), min_size=1, max_size=30)


@given(lists)
def test_mid_ranks_are_scipys_average_ranks(values):
    assert mid_ranks(values).tolist() == (rankdata(values) - 0.5).tolist()


@given(st.permutations(range(24)), st.integers(1, 30))
def test_distinct_values_spread_evenly(values, bins):
    sizes = np.bincount(equal_mass_bins(values, bins), minlength=bins)

    assert len(sizes) == bins
    assert max(sizes) - min(sizes) <= 1


@given(lists, st.integers(1, 8))
def test_bins_follow_the_values(values, bins):
    place = equal_mass_bins(values, bins)

    assert all(
        (a < b and p <= q) or (a > b and p >= q) or (a == b and p == q)
        for a, p in zip(values, place, strict=True)
        for b, q in zip(values, place, strict=True)
    )


def test_few_grades_stay_apart():
    assert equal_mass_bins([1, 1, 2, 2, 3, 3], 5).tolist() == [0, 0, 2, 2, 4, 4]


def test_rank_correlation_is_scipys():
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=50), generator.integers(1, 9, 50)

    assert rank_correlation(first, second) == pytest.approx(spearmanr(first, second).statistic)


def test_a_constant_correlates_with_nothing():
    assert math.isnan(rank_correlation([1, 1], [1, 2]))
    assert math.isnan(rank_correlation([], []))
