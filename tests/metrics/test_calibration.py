import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import expit
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from rightly.errors import InputError
from rightly.metrics.calibration import (
    brier_score,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    preference_probability,
    reliability,
)

margin_lists = st.lists(st.floats(-30, 30), min_size=1, max_size=60)


def drawn(n=2000, scale=2.0, seed=0):
    """Margins in the order of A minus B with labels drawn from their probabilities: calibrated by construction."""
    generator = np.random.default_rng(seed)
    d = generator.normal(0, scale, n)
    first = generator.random(n) < expit(d)
    return d, first, np.where(first, d, -d)  # labelled minus other


def test_probability_is_the_sigmoid():
    margins = np.array([-1e4, -700.0, -3.0, 0.0, 2.0, 1e4])

    assert preference_probability(margins) == pytest.approx(expit(margins), rel=1e-14, abs=0)
    assert preference_probability(0.0) == 0.5


def test_nll_and_brier_are_scikit_learns():
    d, first, margins = drawn()

    assert negative_log_likelihood(margins) == pytest.approx(log_loss(first, expit(d)))
    assert negative_log_likelihood(d, first) == pytest.approx(log_loss(first, expit(d)))
    assert brier_score(expit(margins)) == pytest.approx(brier_score_loss(first, expit(d)))
    assert brier_score(expit(d), first) == pytest.approx(brier_score_loss(first, expit(d)))


def test_soft_targets_are_a_mixture():
    one, other = negative_log_likelihood([2.0]), negative_log_likelihood([-2.0])

    assert negative_log_likelihood([2.0], [0.3]) == pytest.approx(0.3 * one + 0.7 * other)
    assert brier_score([0.9], [0.3]) == pytest.approx(0.36)


def test_nll_does_not_saturate():
    assert negative_log_likelihood([-1e4]) == 1e4
    assert negative_log_likelihood([1e4]) == 0


def test_reliability_is_scikit_learns_on_the_preferred_response():
    d, first, margins = drawn(n=15 * 100)
    right, confidence = first == (d > 0), expit(np.abs(d))
    accuracy, mean = calibration_curve(right, (confidence - 0.5) * 2, n_bins=15, strategy="quantile")

    curve = reliability(expit(margins))

    assert [b.accuracy for b in curve] == pytest.approx(accuracy.tolist())
    assert [(b.confidence - 0.5) * 2 for b in curve] == pytest.approx(mean.tolist())
    assert sum(b.n for b in curve) == len(d)


def test_reliability_by_hand():
    # Confidences .6 (right), .6 (wrong), .9 (right with .7), .5 (prefers nothing).
    curve = reliability([0.6, 0.4, 0.9, 0.5], [1, 1, 0.7, 1], bins=2)

    assert [(b.n, pytest.approx(b.confidence), pytest.approx(b.accuracy)) for b in curve] == [
        (1, 0.5, 0.5),
        (3, 0.7, 1.7 / 3),
    ]
    error = expected_calibration_error([0.6, 0.4, 0.9, 0.5], [1, 1, 0.7, 1], bins=2)
    assert error == pytest.approx(3 / 4 * (0.7 - 1.7 / 3))


@given(margin_lists, st.integers(1, 20))
def test_every_pair_is_in_one_bin(margins, bins):
    probabilities = expit(margins)
    curve = reliability(probabilities, bins=bins)

    assert sum(b.n for b in curve) == len(margins)
    assert len(curve) <= bins
    assert [b.confidence for b in curve] == sorted(b.confidence for b in curve)
    assert 0 <= expected_calibration_error(probabilities, bins=bins) <= 1


@given(st.lists(st.sampled_from([0.1, 0.25, 0.5, 0.75, 0.9]), min_size=1, max_size=30), st.randoms())
def test_the_order_of_pairs_changes_no_calibration_error(probabilities, random):
    shuffled = random.sample(probabilities, len(probabilities))

    assert expected_calibration_error(shuffled) == pytest.approx(expected_calibration_error(probabilities), abs=1e-12)


def test_calibrated_margins_have_a_small_error_and_inflated_ones_a_large_one():
    margins = drawn(20_000)[2]

    assert expected_calibration_error(expit(margins)) < 0.015
    assert expected_calibration_error(expit(margins * 4)) > 0.1


def test_the_error_of_a_calibrated_model_is_as_documented():
    generator = np.random.default_rng(4)
    accuracy, n = 0.7, 600
    found = [
        expected_calibration_error(accuracy + generator.uniform(-1e-6, 1e-6, n), generator.random(n) < accuracy)
        for _ in range(200)
    ]

    assert np.mean(found) == pytest.approx(math.sqrt(2 * 15 * accuracy * (1 - accuracy) / (math.pi * n)), rel=0.05)


def test_temperature_undoes_an_inflation():
    margins = drawn(20_000)[2]

    assert fit_temperature(margins) == pytest.approx(1, abs=0.1)
    assert fit_temperature(margins * 4) == pytest.approx(4 * fit_temperature(margins), rel=1e-9)


def test_temperature_by_hand():
    # Three of four are right by the same margin: the likeliest sigmoid(d / T) is 3/4.
    assert fit_temperature([2.0, 2.0, 2.0, -2.0]) == pytest.approx(2 / math.log(3), rel=1e-9)
    assert fit_temperature([2.0], [0.75]) == pytest.approx(2 / math.log(3), rel=1e-9)


MARGINS = st.floats(-30, 30, allow_subnormal=False)  # exp(-log T) must be a float


@given(st.lists(st.tuples(MARGINS, st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0])), min_size=1, max_size=30))
def test_no_other_temperature_is_likelier(pairs):
    margins, targets = np.array(pairs).T
    found = fit_temperature(margins, targets)

    def loss(log_t):
        return negative_log_likelihood(margins * math.exp(-log_t), targets)

    best = minimize_scalar(loss, bounds=(-6, 12), method="bounded").fun
    if math.isnan(found):
        assert not margins.any()
    elif found == math.inf:
        assert best >= math.log(2) - 1e-9
    elif found == 0:
        assert loss(-6) <= best + 1e-9
    else:
        assert loss(math.log(found)) <= best + 1e-9


def test_temperatures_that_do_not_exist():
    assert math.isnan(fit_temperature([0.0, 0.0]))
    assert fit_temperature([3.0, 1.0]) == 0
    assert fit_temperature([-3.0, 1.0]) == math.inf


@pytest.mark.parametrize(
    ("margins", "targets", "problem"),
    [
        ([], None, "no pair"),
        ([1.0, math.nan], None, "margin 1 is nan"),
        ([-math.inf, 1.0], None, "margin 0 is -inf"),
        ([1.0], [1.5], r"target 0 is 1.5; it must be in \[0, 1\]"),
        ([1.0, 1.0], [1.0, math.nan], "target 1 is nan"),
    ],
)
def test_bad_values_are_named(margins, targets, problem):
    for measure in (negative_log_likelihood, fit_temperature):
        with pytest.raises(InputError, match=problem):
            measure(margins, targets)


def test_margins_are_no_probabilities():
    with pytest.raises(InputError, match=r"probability 1 is 2; it must be in \[0, 1\]"):
        brier_score([0.5, 2.0])


@pytest.mark.parametrize(("margins", "targets"), [([[1.0]], None), ([1.0], [1.0, 0.0])])
def test_shapes_that_do_not_fit_are_refused(margins, targets):
    with pytest.raises(ValueError, match="one each a pair"):
        negative_log_likelihood(margins, targets)


def test_at_least_one_bin():
    with pytest.raises(ValueError, match="at least 1"):
        reliability([0.5], bins=0)
