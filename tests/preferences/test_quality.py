"""The noise model finds what was put in, Bayes' rule as written out by hand, isotonic and expected rate."""

import numpy as np
import pytest

from rightly.errors import InputError
from rightly.metrics.calibration import preference_probability
from rightly.preferences.quality import fit_expected_rate, fit_noise_model, fit_people, likeliest_noise, noise_posterior


def drawn(rate, count=6000, seed=0, temperature=1.5):
    """Strengths of labels of which a share ``rate`` was turned round; the model is right as often as it says."""
    random = np.random.default_rng(seed)
    logit = random.normal(0, 4, count)
    truth = random.random(count) < preference_probability(logit)
    toward = np.where(truth, logit, -logit) * temperature
    wrong = random.random(count) < rate
    return np.where(wrong, -toward, toward), wrong


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.25, 0.4])
def test_the_rate_of_noise_is_found(rate):
    strengths = [drawn(rate, seed=seed)[0] for seed in range(8)]
    assert np.mean([likeliest_noise(strength)[0] for strength in strengths]) == pytest.approx(rate, abs=0.015)
    found = np.mean([fit_noise_model(strength)[1].noise_rate for strength in strengths])
    assert found == pytest.approx(rate, abs=0.02)


def test_probabilities_average_over_fits_that_explain_the_data_alike():
    # Ten labels that the models agree with: no noise and sure models, or noise and luck. One fit alone would say 0.001.
    strength = np.linspace(0.5, 2, 10)
    assert likeliest_noise(strength)[0] == pytest.approx(0.001)
    q, quality = fit_noise_model(strength)
    assert quality.noise_rate == pytest.approx(1 - q.mean())
    assert quality.noise_rate > 0.005


def test_pairs_of_a_group_count_as_fewer():
    strength, _ = drawn(0.1, count=30)
    copies = np.repeat(strength, 20)
    alone, grouped = fit_noise_model(copies)[0], fit_noise_model(copies, groups=np.repeat(np.arange(30), 20))[0]
    few = np.repeat(fit_noise_model(strength)[0], 20)
    assert np.abs(grouped - few).mean() < 0.5 * np.abs(alone - few).mean()


def test_probabilities_mean_what_they_say():
    strength, wrong = drawn(0.25, count=20000)
    q, quality = fit_noise_model(strength)
    assert quality.temperature == pytest.approx(1.5, rel=0.2)
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        own = (q >= low) & (q < low + 0.2)
        assert own.sum() > 100
        assert 1 - wrong[own].mean() == pytest.approx(q[own].mean(), abs=0.05)


def test_posterior_by_hand():
    # sigma(ln 3) = .75: .9 * .75 / (.9 * .75 + .1 * .25)
    assert noise_posterior(2 * np.log(3), 0.1, 2.0) == pytest.approx(0.675 / 0.7)
    assert noise_posterior(0.0, 0.1, 2.0) == pytest.approx(0.9)


def test_isotonic_on_trusted_labels():
    strength, wrong = drawn(0.2)
    known = np.where(np.arange(len(wrong)) % 3 == 0, 1.0 - wrong, np.nan)
    q, quality = fit_people(strength, known)
    assert quality.known == 2000
    order = np.argsort(strength)
    assert (np.diff(q[order]) >= 0).all()
    unseen = np.isnan(known)
    assert q[unseen].mean() == pytest.approx(1 - wrong[unseen].mean(), abs=0.03)
    assert quality.noise_rate == pytest.approx(wrong.mean(), abs=0.03)


def test_isotonic_is_sklearns():
    from sklearn.isotonic import IsotonicRegression

    random = np.random.default_rng(3)
    strength = random.integers(-5, 6, 200).astype(float)
    votes = random.integers(0, 6, 200) / 5
    q, _ = fit_people(strength, votes)
    assert q == pytest.approx(IsotonicRegression().fit(strength, votes).predict(strength), abs=1e-9)


def test_expected_rate_is_met():
    strength, _ = drawn(0.1)
    q, quality = fit_expected_rate(strength, 0.3)
    assert 1 - q.mean() == pytest.approx(0.3, abs=1e-6)
    assert quality.noise_rate == pytest.approx(0.3, abs=1e-6)


@pytest.mark.parametrize("rate", [0.01, 0.5, 0.9])
def test_a_rate_that_cannot_be(rate):
    with pytest.raises(InputError, match="cannot be met"):
        fit_expected_rate(drawn(0.2)[0], rate)


def test_too_little_to_say():
    with pytest.raises(InputError, match="no pair has votes or a checked label"):
        fit_people(np.arange(100.0), np.full(100, np.nan))
    with pytest.raises(InputError, match="tell nothing of noise"):
        fit_noise_model(np.zeros(100))
