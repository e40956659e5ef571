"""Holm's correction, the intervals that go with it, and letters of significance: worked examples and laws."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from rightly.metrics.paired import holm, holm_levels, significance_groups


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


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_is_that_of_statsmodels(p_values):
    np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1])


def test_levels_of_intervals_by_hand():
    # Three tests: the smallest p-value is tested at 5% / 3, the next at 5% / 2, the last at 5%.
    np.testing.assert_allclose(holm_levels([0.001, 0.04, 0.02]), [1 - 0.05 / 3, 0.95, 1 - 0.05 / 2])
    np.testing.assert_allclose(holm_levels([0.0, math.nan]), [0.95, math.nan])
    np.testing.assert_allclose(holm_levels([0.0, 0.0]), [0.975, 0.975])
    assert holm_levels([]).shape == (0,)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_an_interval_of_its_level_leaves_out_zero_exactly_where_holm_rejects(p_values):
    levels, corrected = holm_levels(p_values), holm(p_values)
    assert (levels >= 0.95 - 1e-12).all()
    sure = np.abs(corrected - 0.05) > 1e-9
    np.testing.assert_array_equal((np.array(p_values) < 1 - levels)[sure], (corrected < 0.05)[sure])


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
