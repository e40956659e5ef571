"""Bootstrap intervals: cases with known answers, coverage, and laws."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from rightly.metrics import bootstrap
from rightly.metrics.bootstrap import bootstrap_difference, bootstrap_mean, bootstrap_statistic

values = st.one_of(st.sampled_from([0.0, 0.5, 1.0, math.nan]), st.floats(-2, 2))
keyed = st.lists(st.tuples(values, values, st.integers(0, 5)), max_size=15)


def columns(items):
    return tuple(map(list, zip(*items, strict=True))) if items else ([], [], [])


def test_two_pairs_by_hand():
    # The resampled mean is 0, 1/2, 1 with probability 1/4, 1/2, 1/4.
    assert (bootstrap_mean([0, 1], level=0.4).low, bootstrap_mean([0, 1], level=0.4).high) == (0.5, 0.5)
    assert (bootstrap_mean([0, 1], level=0.9).low, bootstrap_mean([0, 1], level=0.9).high) == (0, 1)


def test_agrees_with_scipy():
    data = np.random.default_rng(3).gamma(2.0, size=60)
    ours = bootstrap_mean(data, seed=1)
    theirs = scipy.stats.bootstrap((data,), np.mean, method="percentile", n_resamples=10_000, rng=2)
    assert ours.value == pytest.approx(data.mean())
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval), abs=0.02)


def test_missing_values_and_clusters_are_counted():
    result = bootstrap_mean([1, math.nan, 0, 1, math.nan], ["x", "x", "y", "y", "z"])
    assert (result.value, result.n, result.n_missing, result.n_clusters) == (2 / 3, 3, 2, 2)
    assert (result.low, result.high, result.level) == (0.5, 1, 0.95)


def test_repeats_of_a_context_are_no_news():
    data = np.random.default_rng(0).integers(0, 2, 80).astype(float)
    once = bootstrap_mean(data)
    repeated = bootstrap_mean(np.repeat(data, 5), np.repeat(np.arange(80), 5).tolist())
    assert (repeated.low, repeated.high) == pytest.approx((once.low, once.high))
    naive = bootstrap_mean(np.repeat(data, 5))
    assert naive.high - naive.low < 0.6 * (once.high - once.low)


def test_clustered_intervals_cover():
    generator = np.random.default_rng(7)
    keys = np.repeat(np.arange(60), 4)
    covered = 0
    for _ in range(200):
        rates = np.repeat(generator.beta(1, 1, 60), 4)
        result = bootstrap_mean(generator.random(240) < rates, keys.tolist(), resamples=500)
        covered += result.low <= 0.5 <= result.high
    assert 0.9 <= covered / 200 <= 0.99


@pytest.mark.parametrize("data", [[], [math.nan], [0.3], [0.3, math.nan]])
def test_no_interval_from_fewer_than_two_clusters(data):
    result = bootstrap_mean(data)
    assert math.isnan(result.low)
    assert math.isnan(result.high)
    assert result.value == 0.3 if 0.3 in data else math.isnan(result.value)
    assert math.isnan(bootstrap_difference(data, data).p)


def test_no_spread_no_width():
    result = bootstrap_mean([1, 1, 1])
    assert (result.value, result.low, result.high) == (1, 1, 1)


def test_the_seed_decides():
    data = np.random.default_rng(0).random(40)
    assert bootstrap_mean(data, seed=4) == bootstrap_mean(data, seed=4)
    assert bootstrap_mean(data, seed=4).low != bootstrap_mean(data, seed=5).low


def test_chunks_do_not_show(monkeypatch):
    data = np.random.default_rng(0).random(40)
    whole = bootstrap_mean(data, resamples=101)
    monkeypatch.setattr(bootstrap, "_CELLS_PER_CHUNK", 7 * 40)
    assert bootstrap_mean(data, resamples=101) == whole


def test_pairing_sees_what_two_intervals_hide():
    generator = np.random.default_rng(0)
    hard = generator.normal(size=200)
    better = hard + 0.1 + generator.normal(scale=0.1, size=200)
    result = bootstrap_difference(better, hard)
    assert result.value == pytest.approx(0.1, abs=0.02)
    assert result.low > 0.05
    assert result.p == 2 / 10_001
    assert bootstrap_mean(better).low < bootstrap_mean(hard).high


def test_only_common_pairs_count():
    result = bootstrap_difference([1, math.nan, 1, 0], [0, 1, math.nan, 1])
    assert (result.value, result.n, result.n_missing) == (0, 2, 2)


def test_equal_judges_do_not_differ():
    assert bootstrap_difference([0, 1, 1], [0, 1, 1]).p == 1


def test_p_agrees_with_the_sign_test_of_binary_outcomes():
    # 60 against 55 discordant of 350: o1-mini and Skywork-Reward-Gemma-2-27B on JudgeBench, exact p = .709.
    first, second = [1] * 60 + [0] * 55 + [1] * 235, [0] * 60 + [1] * 55 + [1] * 235
    assert bootstrap_difference(first, second).p == pytest.approx(0.709, abs=0.04)


def test_any_statistic_over_clusters():
    data = np.arange(40, dtype=float)
    found = bootstrap_statistic(lambda rows: float(np.median(data[rows])), [i // 2 for i in range(40)], seed=3)
    assert found.value == 19.5
    assert found.low < 19.5 < found.high
    assert (found.n, found.n_clusters) == (40, 20)


def test_the_mean_as_a_statistic_has_the_interval_of_the_mean():
    generator = np.random.default_rng(5)
    keys = np.repeat(np.arange(50), 3).tolist()
    data = np.repeat(generator.random(50), 3)
    found = bootstrap_statistic(lambda rows: float(data[rows].mean()), keys, resamples=4000)
    expected = bootstrap_mean(data, keys)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([0, math.inf],), {}, "value 1 is infinite"),
        (([[0.0, 1.0]],), {}, "one value a pair"),
        (([0, 1], ["x"]), {}, "1 cluster keys"),
        (([0, 1],), {"level": 1.0}, "level"),
        (([0, 1],), {"resamples": 0}, "resamples"),
    ],
)
def test_bad_input(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_mean(*arguments, **options)


def test_different_pairs_cannot_be_compared():
    with pytest.raises(ValueError, match="same pairs"):
        bootstrap_difference([0, 1], [1])


@settings(deadline=None)
@given(keyed, st.randoms(use_true_random=False))
def test_permuting_pairs_and_renaming_clusters_change_nothing(items, random):
    first, second, keys = columns(items)
    shuffled = random.sample(items, len(items))
    first_, second_, keys_ = columns(shuffled)
    names = [f"context {-key}" for key in keys_]
    assert str(bootstrap_mean(first, keys, resamples=50)) == str(bootstrap_mean(first_, names, resamples=50))
    assert str(bootstrap_difference(first, second, keys, resamples=50)) == str(
        bootstrap_difference(first_, second_, names, resamples=50)
    )


@settings(deadline=None)
@given(keyed)
def test_exchanging_the_judges_changes_the_sign(items):
    first, second, keys = columns(items)
    one = bootstrap_difference(first, second, keys, resamples=50)
    two = bootstrap_difference(second, first, keys, resamples=50)
    assert one.value == -two.value or (math.isnan(one.value) and math.isnan(two.value))
    if one.n_clusters > 1 and one.value:
        assert (one.low, one.high, one.p) == (-two.high, -two.low, two.p)


@settings(deadline=None)
@given(keyed)
def test_interval_lies_within_the_values(items):
    data, _, keys = columns(items)
    result = bootstrap_mean(data, keys, resamples=50)
    known = [value for value in data if not math.isnan(value)]
    assert result.n + result.n_missing == len(data)
    if result.n_clusters > 1:
        assert min(known) - 1e-12 <= result.low <= result.high <= max(known) + 1e-12
