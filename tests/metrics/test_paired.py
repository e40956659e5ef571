"""Paired tests, letters of significance and sample sizes: worked examples and laws."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from rightly.metrics.paired import holm, mcnemar, needed_pairs, significance_groups


def outcomes(only_first, only_second, both=0, neither=0):
    first = [1] * only_first + [0] * only_second + [1] * both + [0] * neither
    second = [0] * only_first + [1] * only_second + [1] * both + [0] * neither
    return first, second


@pytest.mark.parametrize(
    ("counts", "p"),
    [
        ((73, 51, 157, 69), 0.059),  # o1-mini and InternLM2-7B-Reward on JudgeBench, from its stored outputs
        ((60, 55), 0.709),  # o1-mini and Skywork-Reward-Gemma-2-27B
        ((5, 0, 10), 2 / 32),  # by hand
        ((1, 3), 10 / 16),  # by hand: 2 (1 + 4) / 16
        ((4, 4), 1.0),
        ((0, 0, 5, 5), 1.0),
    ],
)
def test_mcnemar(counts, p):
    result = mcnemar(*outcomes(*counts))
    assert result.p == pytest.approx(p, abs=0.0005)
    assert (result.n, result.only_first, result.only_second) == (sum(counts), *counts[:2])


@given(st.integers(0, 30), st.integers(0, 30))
def test_mcnemar_is_that_of_statsmodels(only_first, only_second):
    expected = statsmodels_mcnemar([[5, only_first], [only_second, 5]], exact=True).pvalue
    assert mcnemar(*outcomes(only_first, only_second, 5, 5)).p == pytest.approx(min(1.0, expected))


def test_mcnemar_leaves_missing_pairs_out():
    result = mcnemar([1, math.nan, 0, 1], [0, 1, math.nan, 1])
    assert (result.n, result.n_missing, result.only_first, result.only_second) == (2, 2, 1, 0)


@pytest.mark.parametrize(("first", "second"), [([0.5, 1], [0, 1]), ([1], [1, 0]), ([[1]], [[1]])])
def test_mcnemar_refuses(first, second):
    with pytest.raises(ValueError, match=r"McNemar|same pairs"):
        mcnemar(first, second)


def test_holm_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.02, math.nan, 0.03]), [0.04, math.nan, 0.04])
    assert holm([]).shape == (0,)
    assert math.isnan(holm([math.nan])[0])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_the_raw_and_bonferroni(p_values):
    corrected, raw = holm(p_values), np.array(p_values)
    assert (corrected >= raw - 1e-12).all()
    assert (corrected <= np.minimum(1, len(raw) * raw) + 1e-12).all()


def matrix(k, different):
    p = np.ones((k, k))
    for i, j in different:
        p[i, j] = p[j, i] = 0.001
    return p


@pytest.mark.parametrize(
    ("different", "means", "letters"),
    [
        ([], [0.7, 0.6, 0.5], ["a", "a", "a"]),
        ([(0, 2)], [0.7, 0.6, 0.5], ["a", "ab", "b"]),
        ([(0, 2)], [0.5, 0.6, 0.7], ["b", "ab", "a"]),
        ([(0, 1), (0, 2)], [0.7, 0.6, 0.5], ["a", "b", "b"]),
        ([(0, 1), (0, 2), (1, 2)], [0.7, 0.6, 0.5], ["a", "b", "c"]),
        # Different judges need not be neighbours: the middle one is told from both ends, the ends are not.
        ([(0, 1), (1, 2)], [0.7, 0.6, 0.5], ["a", "b", "a"]),
    ],
)
def test_letters(different, means, letters):
    names = ["x", "y", "z"]
    assert significance_groups(names, matrix(3, different), means) == dict(zip(names, letters, strict=True))


def test_letters_of_no_judge_one_judge_and_an_unknown_p():
    assert significance_groups([], np.ones((0, 0)), []) == {}
    assert significance_groups(["x"], [[math.nan]], [0.5]) == {"x": "a"}
    assert significance_groups(["x", "y"], [[1, math.nan], [math.nan, 1]], [0.5, 0.4]) == {"x": "a", "y": "a"}


@pytest.mark.parametrize(
    ("names", "p", "means"),
    [
        (["x", "x"], np.ones((2, 2)), [1, 2]),
        (["x", "y"], np.ones((2, 2)), [1]),
        (["x", "y"], np.ones((3, 3)), [1, 2]),
        (["x", "y"], [[1, 0.1], [0.2, 1]], [1, 2]),
    ],
)
def test_letters_refuse(names, p, means):
    with pytest.raises(ValueError, match=r"names|symmetric"):
        significance_groups(names, p, means)


def test_more_groups_than_letters():
    k = 60
    names = [str(i) for i in range(k)]
    shown = significance_groups(names, np.zeros((k, k)), [-i for i in range(k)])
    assert len(set(shown.values())) == k
    assert (shown["0"], shown["26"], shown["52"]) == ("a", "A", "(53)")


@given(st.integers(2, 7).flatmap(lambda k: st.tuples(st.just(k), st.sets(st.tuples(*[st.integers(0, k - 1)] * 2)))))
def test_judges_share_a_letter_exactly_when_they_do_not_differ(drawn):
    k, different = drawn[0], {(i, j) for i, j in drawn[1] if i != j}
    names = [f"judge {i}" for i in range(k)]
    letters = significance_groups(names, matrix(k, different), [-i for i in range(k)])
    for i in range(k):
        for j in range(i):
            differ = (i, j) in different or (j, i) in different
            assert bool(set(letters[names[i]]) & set(letters[names[j]])) != differ
    members = [{name for name in names if letter in letters[name]} for letter in set("".join(letters.values()))]
    assert not any(one < other for one in members for other in members)
    assert letters["judge 0"].startswith("a")


def test_needed_pairs_by_hand():
    # (1.95996 sqrt(.3) + .84162 sqrt(.29))^2 / .01 = 233.09
    assert needed_pairs(0.1, 0.3) == 234
    assert needed_pairs(-0.1, 0.3) == 234


def test_power_is_what_was_asked_for():
    generator = np.random.default_rng(0)
    n = needed_pairs(0.1, 0.3)
    draws = generator.multinomial(n, [0.2, 0.1, 0.7], size=400)
    found = np.mean([mcnemar(*outcomes(*draw)).p < 0.05 for draw in draws])
    assert 0.7 <= found <= 0.86


@pytest.mark.parametrize(
    "call",
    [
        lambda: needed_pairs(0, 0.3),
        lambda: needed_pairs(0.4, 0.3),
        lambda: needed_pairs(0.1, 0.3, power=0.2),
        lambda: needed_pairs(0.1, 0.3, alpha=0),
    ],
)
def test_sample_sizes_refuse(call):
    with pytest.raises(ValueError, match="needed"):
        call()
