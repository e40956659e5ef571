"""Tournaments: who meets whom, and what results are worth."""

import asyncio
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.rewards.tournament import Game, expected_results, games_needed, mean_results, play, usual_rounds

SCHEMES = ["round-robin", "swiss", "knockout", "anchor"]


def held(scheme, strengths, *, fails=(), **how):
    """A tournament with a judge that is always right about strengths."""

    async def compare(first, second):
        await asyncio.sleep(0)
        if {first, second} & set(fails):
            return None
        a, b = strengths[first], strengths[second]
        return 1.0 if a > b else 0.0 if a < b else 0.5

    return asyncio.run(play(scheme, len(strengths), compare, **how))


def order(scores):
    return sorted(range(len(scores)), key=lambda i: -scores[i])


@given(st.permutations(range(7)))
def test_round_robin_finds_the_complete_order(strengths):
    found = held("round-robin", strengths)
    assert order(found.scores) == order(strengths)
    assert sorted(found.scores) == pytest.approx([i / 6 for i in range(7)])


@given(st.permutations(range(8)), st.integers(0, 5))
def test_a_knockout_finds_the_best(strengths, seed):
    found = held("knockout", strengths, seed=seed)
    assert order(found.scores)[0] == order(strengths)[0]


@given(st.permutations(range(8)), st.integers(0, 5))
def test_a_swiss_tournament_finds_the_best_and_with_all_rounds_the_order(strengths, seed):
    assert order(held("swiss", strengths, seed=seed).scores)[0] == order(strengths)[0]
    assert order(held("swiss", strengths, seed=seed, rounds=50).scores)[0] == order(strengths)[0]


def test_anchor_scheme_splits_group_at_anchor():
    assert held("anchor", [5, 1, 3, 3]).scores == [1.0, 0.0, 0.5, pytest.approx(0.5)]


@given(st.sampled_from(SCHEMES), st.integers(1, 9), st.integers(0, 3))
def test_no_pair_meets_twice_and_games_needed_is_an_upper_bound(scheme, players, seed):
    found = held(scheme, list(range(players)), seed=seed)
    met = Counter(frozenset(game[:2]) for game in found.games)
    assert set(met.values()) <= {1}
    assert len(found.games) <= games_needed(scheme, players)
    assert all(len(pair) == 2 for pair in met)


@given(st.sampled_from(SCHEMES), st.lists(st.integers(0, 3), min_size=2, max_size=8))
def test_tournament_scores_are_in_unit_interval(scheme, strengths):
    assert all(score is None or 0 <= score <= 1 for score in held(scheme, strengths).scores)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_tied_players_get_equal_scores(scheme):
    assert held(scheme, [1] * 6).scores == pytest.approx([0.5] * 6)


@pytest.mark.parametrize("scheme", ["round-robin", "swiss"])
def test_unjudged_player_has_no_score_and_does_not_affect_others(scheme):
    found = held(scheme, [4, 3, 2, 1], fails=[3], rounds=3)
    assert found.scores[3] is None
    assert order(found.scores[:3]) == [0, 1, 2]


def test_tournament_draw_is_seeded():
    assert held("swiss", list(range(8)), seed="a") == held("swiss", list(range(8)), seed="a")
    assert held("swiss", list(range(8)), seed="a").games != held("swiss", list(range(8)), seed="b").games


def test_swiss_odd_player_sits_out():
    found = held("swiss", list(range(5)), rounds=1)
    assert len(found.games) == 2
    assert sum(score is None for score in found.scores) == 1


def test_expected_results_reward_wins_over_strong_players():
    """0 beat 1, who beat two; 2 beat 3, who beat nobody."""
    games = [Game(0, 1, 1.0), Game(1, 4, 1.0), Game(1, 5, 1.0), Game(2, 3, 1.0)]
    scores = expected_results(6, games)
    assert scores[0] > scores[2]
    assert mean_results(6, games)[0] == mean_results(6, games)[2]


def test_expected_results_of_a_single_game():
    """Strengths t and -t: the gradient, result less chance less t by the standard normal prior, is 0 there."""
    first, second = expected_results(2, [Game(0, 1, 1.0)])
    assert first + second == pytest.approx(1)
    strength = math.log(first / second) / 2
    assert strength == pytest.approx(1 - first)


@pytest.mark.parametrize(("players", "rounds"), [(2, 1), (3, 2), (4, 2), (5, 3), (8, 3), (9, 4)])
def test_usual_rounds_of_swiss(players, rounds):
    assert usual_rounds(players) == rounds
