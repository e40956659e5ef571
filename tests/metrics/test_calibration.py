import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from rightly.metrics.calibration import (
    ReliabilityBin,
    brier_score,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability,
)

margin_lists = st.lists(st.floats(-30, 30), min_size=1, max_size=60)


def drawn(n=2000, scale=2.0, seed=0):
    """Margins in the order of A minus B with labels drawn from their probabilities: calibrated by construction."""
    generator = np.random.default_rng(seed)
    d = generator.normal(0, scale, n)
    first = generator.random(n) < expit(d)
    return d, first, np.where(first, d, -d)  # labelled minus other


def test_nll_and_brier_are_scikit_learns():
    d, first, margins = drawn()

    assert negative_log_likelihood(margins) == pytest.approx(log_loss(first, expit(d)))
    assert brier_score(margins) == pytest.approx(brier_score_loss(first, expit(d)))


def test_soft_targets_are_a_mixture():
    one, other = negative_log_likelihood([2.0]), negative_log_likelihood([-2.0])

    assert negative_log_likelihood([2.0], [0.3]) == pytest.approx(0.3 * one + 0.7 * other)


def test_nll_does_not_saturate():
    assert negative_log_likelihood([-1e4]) == 1e4
    assert negative_log_likelihood([1e4]) == 0


def test_reliability_is_scikit_learns_on_the_preferred_response():
    d, first, margins = drawn()
    right, confidence = first == (d > 0), expit(np.abs(d))
    accuracy, mean = calibration_curve(right, (confidence - 0.5) * 2, n_bins=15)

    curve = reliability(margins)

    assert [b.accuracy for b in curve] == pytest.approx(accuracy.tolist())
    assert [(b.confidence - 0.5) * 2 for b in curve] == pytest.approx(mean.tolist())
    assert sum(b.n for b in curve) == len(d)


@given(margin_lists, st.sampled_from(["width", "mass"]), st.integers(1, 20))
def test_every_pair_is_in_one_bin(margins, kind, bins):
    curve = reliability(margins, bins=bins, kind=kind)

    assert sum(b.n for b in curve) == len(margins)
    assert 0 <= expected_calibration_error(curve) <= 1
    if kind == "mass" and len(margins) >= bins:
        assert max(b.n for b in curve) - min(b.n for b in curve) <= 1


def test_calibration_error_by_hand():
    curve = (ReliabilityBin(n=3, confidence=0.6, accuracy=0.5), ReliabilityBin(n=1, confidence=0.9, accuracy=1.0))

    assert expected_calibration_error(curve) == pytest.approx((3 * 0.1 + 0.1) / 4)


def test_calibrated_margins_have_a_small_error_and_inflated_ones_a_large_one():
    margins = drawn(20_000)[2]

    assert expected_calibration_error(reliability(margins)) < 0.015
    assert expected_calibration_error(reliability(margins * 4)) > 0.1


def test_temperature_undoes_an_inflation():
    margins = drawn(20_000)[2]

    assert fit_temperature(margins) == pytest.approx(1, abs=0.1)
    assert fit_temperature(margins * 4) == pytest.approx(4 * fit_temperature(margins), rel=1e-3)


def test_no_temperature_fits_no_preference():
    assert math.isnan(fit_temperature([0.0, 0.0]))


@pytest.mark.parametrize(
    ("margins", "targets", "problem"),
    [
        ([], None, "not empty"),
        ([[1.0]], None, "vectors"),
        ([1.0, math.nan], None, "margin 1 is NaN"),
        ([1.0], [1.5], r"\[0, 1\]"),
        ([1.0], [1.0, 0.0], "one length"),
    ],
)
def test_bad_input_is_named(margins, targets, problem):
    with pytest.raises(ValueError, match=problem):
        negative_log_likelihood(margins, targets)
