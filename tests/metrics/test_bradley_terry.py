import numpy as np
import pytest

from rightly.metrics.bradley_terry import bradley_terry

# Agresti, "Categorical Data Analysis" (1990): American League, 1987; wins of the row's team over the column's.
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
WINS = [
    [0, 7, 9, 7, 7, 9, 11],
    [6, 0, 7, 5, 11, 9, 9],
    [4, 6, 0, 7, 7, 8, 12],
    [6, 8, 6, 0, 6, 7, 10],
    [6, 2, 6, 7, 0, 7, 12],
    [4, 4, 5, 6, 6, 0, 6],
    [2, 4, 1, 3, 1, 7, 0],
]
# As R's BradleyTerry2 gives them, Baltimore being 0.
STRENGTHS = {
    "Boston": 1.1077,
    "Cleveland": 0.6839,
    "Detroit": 1.4364,
    "Milwaukee": 1.5814,
    "New York": 1.2476,
    "Toronto": 1.2945,
}


def battles():
    return [
        (first, second, 1.0)
        for i, first in enumerate(TEAMS)
        for j, second in enumerate(TEAMS)
        for _ in range(WINS[i][j])
    ]


def test_the_published_strengths_of_the_american_league():
    first, second, won = zip(*battles(), strict=True)
    fit = bradley_terry(first, second, won)
    for team, strength in STRENGTHS.items():
        assert fit.strengths[fit.names.index(team)] == pytest.approx(strength, abs=5e-5)


def test_a_wide_prior_changes_no_difference_of_strengths():
    first, second, won = zip(*battles(), strict=True)
    fit, wide = bradley_terry(first, second, won), bradley_terry(first, second, won, prior=1e4)
    assert wide.strengths - wide.strengths[0] == pytest.approx(fit.strengths, abs=1e-6)
    assert wide.strengths.sum() == pytest.approx(0, abs=1e-6)
    assert wide.win_rate("Boston", "Detroit")[0] == pytest.approx(fit.win_rate("Boston", "Detroit")[0])


@pytest.mark.parametrize("deviation", [0.5, 1.0, 3.0])
def test_a_prior_makes_the_strength_of_an_unbeaten_player_finite(deviation):
    """The posterior of strengths s and -s after one win has its mode where ``s / deviation**2 = sigma(-2 s)``."""
    fit = bradley_terry([7], [3], [1.0], prior=deviation)
    assert fit.names == (3, 7)
    assert fit.strengths[1] == pytest.approx(-fit.strengths[0])
    assert fit.strengths[1] / deviation**2 == pytest.approx(1 / (1 + np.exp(2 * fit.strengths[1])))


def test_two_players_have_the_share_of_wins_and_a_tie_is_half():
    first, second = ["a"] * 100, ["b"] * 100
    rate, low, high = bradley_terry(first, second, [1.0] * 60 + [0.5] * 20 + [0.0] * 20).win_rate("a", "b")
    assert rate == pytest.approx(0.7)
    assert low < 0.7 < high


def test_weights_are_repetitions():
    once = bradley_terry(["a", "a", "a"], ["b", "b", "b"], [1, 0, 0.5], weights=[3, 1, 2])
    many = bradley_terry(["a"] * 6, ["b"] * 6, [1, 1, 1, 0, 0.5, 0.5])
    assert once.strengths == pytest.approx(many.strengths)


def test_a_feature_takes_what_it_explains():
    random = np.random.default_rng(0)
    n = 20_000
    style = random.normal(size=n)
    won = random.random(n) < 1 / (1 + np.exp(-(0.4 + 0.9 * style)))
    fit = bradley_terry(["model"] * n, ["base"] * n, won, features=style[:, None])
    assert fit.strengths[fit.names.index("model")] == pytest.approx(0.4, abs=0.05)
    assert fit.coefficients[0] == pytest.approx(0.9, abs=0.05)


def test_copies_of_a_battle_narrow_nothing_when_they_share_a_cluster():
    outcomes = np.array([1, 0, 1, 1, 0, 1, 0.5, 1] * 5)
    plain = bradley_terry(["a"] * 40, ["b"] * 40, outcomes, clusters=range(40))
    copied = bradley_terry(["a"] * 120, ["b"] * 120, np.repeat(outcomes, 3), clusters=np.repeat(range(40), 3).tolist())
    careless = bradley_terry(["a"] * 120, ["b"] * 120, np.repeat(outcomes, 3))
    assert copied.covariance.sum() == pytest.approx(plain.covariance.sum(), rel=1e-6)
    assert careless.covariance.sum() == pytest.approx(plain.covariance.sum() / 3 * (39 / 40) / (119 / 120))


def test_the_sandwich_is_the_binomial_error_of_independent_battles():
    fit = bradley_terry(["a"] * 100, ["b"] * 100, [1.0] * 70 + [0.0] * 30)
    assert fit.covariance[1, 1] == pytest.approx(100 / 99 / (100 * 0.7 * 0.3))


@pytest.mark.parametrize(
    ("first", "second", "outcomes"),
    [
        (["a", "a"], ["b", "b"], [1, 1]),  # a wins all
        (["a", "c", "a", "c"], ["b", "d", "b", "d"], [1, 1, 0, 0]),  # two islands
        (["a"], ["b"], [1.5]),
        (["a"], ["b"], []),
    ],
)
def test_what_has_no_fit_is_refused(first, second, outcomes):
    with pytest.raises(ValueError, match=r"fit|within|outcomes"):
        bradley_terry(first, second, outcomes)
