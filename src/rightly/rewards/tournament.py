"""Convert pairwise verdicts to one number per response of a group: choose the comparisons and score the results.

A pairwise judge says which of two responses is better; a trainer needs a reward for each of k. Round-robin needs
k (k - 1) / 2 comparisons. The other schemes need fewer and lose some of the order (`experiments/evidence/tournaments.py`
measures how much). If not all have met, a Bradley-Terry model (Bradley and Terry, 1952) gives the expected results.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np

from rightly.metrics.bradley_terry import bradley_terry

Scheme = Literal["round-robin", "swiss", "knockout", "anchor"]
Compare = Callable[[int, int], Awaitable[float | None]]
"""Result of a comparison: 1 if the first is better, 0 if the second is, 1/2 for a tie; ``None`` after a failure."""

_PRIOR = 1.0
"""Prior standard deviation of strengths, in logits: it keeps players that won or lost every game finite."""


class Game(NamedTuple):
    """Two players that met, and the first one's result; ``None`` if the judge failed."""

    first: int
    second: int
    result: float | None


class Standings(NamedTuple):
    """The result of a tournament.

    Attributes:
        scores: One score per player, in [0, 1]; ``None`` if none of the player's games has a result.
        games: All games played.
    """

    scores: list[float | None]
    games: list[Game]


def games_needed(scheme: Scheme, players: int, rounds: int | None = None) -> int:
    """The maximum number of comparisons of a scheme.

    >>> [games_needed(scheme, 8) for scheme in ("round-robin", "swiss", "knockout", "anchor")]
    [28, 12, 7, 7]
    """
    return {
        "round-robin": players * (players - 1) // 2,
        "swiss": (players // 2) * (rounds or usual_rounds(players)),
        "knockout": max(players - 1, 0),
        "anchor": max(players - 1, 0),
    }[scheme]


def usual_rounds(players: int) -> int:
    """Default number of rounds of a Swiss tournament: as many as a knock-out needs to find the best."""
    return max(players - 1, 1).bit_length()


async def play(
    scheme: Scheme, players: int, compare: Compare, *, rounds: int | None = None, seed: object = 0
) -> Standings:
    """Play a tournament.

    Args:
        scheme: ``round-robin``: all meet. ``swiss``: in every round players with similar results meet, if they have not met.
            ``knockout``: the loser is out. ``anchor``: all meet the last player.
        players: Number of players.
        compare: Function that asks the judge.
        rounds: Number of rounds of ``swiss``.
        seed: Seed for the draw.
    """
    draw = random.Random(f"tournament {seed}")
    if scheme == "round-robin":
        games = await _meet(compare, list(combinations(range(players), 2)))
        return Standings(mean_results(players, games), games)
    if scheme == "anchor":
        games = await _meet(compare, [(i, players - 1) for i in range(players - 1)])
        return Standings(mean_results(players, games), games)
    if scheme == "swiss":
        games = await _swiss(players, compare, rounds or usual_rounds(players), draw)
    else:
        games = await _knockout(players, compare, draw)
    return Standings(expected_results(players, games), games)


def mean_results(players: int, games: Sequence[Game]) -> list[float | None]:
    """Each player's mean result over the games with a result."""
    results: list[list[float]] = [[] for _ in range(players)]
    for first, second, result in games:
        if result is not None:
            results[first].append(result)
            results[second].append(1 - result)
    return [float(np.mean(each)) if each else None for each in results]


def expected_results(players: int, games: Sequence[Game]) -> list[float | None]:
    """Each player's expected result against the others, by a Bradley-Terry model with a normal prior; a tie is half a win."""
    known = [game for game in games if game.result is not None]
    if not known:
        return [None] * players
    first, second, results = zip(*known, strict=True)
    fit = bradley_terry(first, second, results, prior=_PRIOR)
    strengths = np.zeros(players)
    strengths[np.array(fit.names)] = fit.strengths
    chances = 1 / (1 + np.exp(strengths[None, :] - strengths[:, None]))
    return [float((chances[i].sum() - 0.5) / (players - 1)) if i in fit.names else None for i in range(players)]


async def _meet(compare: Compare, pairs: Sequence[tuple[int, int]]) -> list[Game]:
    results = await asyncio.gather(*(compare(first, second) for first, second in pairs))
    return [Game(first, second, result) for (first, second), result in zip(pairs, results, strict=True)]


async def _swiss(players: int, compare: Compare, rounds: int, draw: random.Random) -> list[Game]:
    games: list[Game] = []
    for _ in range(rounds):
        points = [0.0] * players
        for first, second, result in games:
            points[first] += 0.5 if result is None else result
            points[second] += 0.5 if result is None else 1 - result
        order = draw.sample(range(players), players)
        order.sort(key=lambda player: -points[player])
        met = {frozenset(game[:2]) for game in games}
        pairs = _neighbours(order, met)
        if not pairs:
            break
        games += await _meet(compare, pairs)
    return games


def _neighbours(order: list[int], met: set[frozenset[int]]) -> list[tuple[int, int]]:
    """Pair each player, from the top, with the next one that it has not met; a player without an opponent sits out."""
    left, pairs = list(order), []
    while left:
        player = left.pop(0)
        other = next((each for each in left if frozenset((player, each)) not in met), None)
        if other is not None:
            left.remove(other)
            pairs.append((player, other))
    return pairs


async def _knockout(players: int, compare: Compare, draw: random.Random) -> list[Game]:
    games: list[Game] = []
    left = draw.sample(range(players), players)
    while len(left) > 1:
        met = await _meet(compare, list(zip(left[::2], left[1::2], strict=False)))
        games += met
        through = [_winner(game, draw) for game in met]
        left = [*through, *left[2 * len(met) :]]
    return games


def _winner(game: Game, draw: random.Random) -> int:
    if game.result is None or game.result == 0.5:
        return draw.choice(game[:2])
    return game.first if game.result > 0.5 else game.second
