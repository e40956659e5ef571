"""How much of the full order of a group is kept by asking a pairwise judge less, and what it costs.

    python experiments/evidence/tournaments.py [--players 8 16] [--groups 400] [--noise 0 0.5 1]

Responses of a group have worths drawn from a standard normal; a judge of noise s prefers by worth plus logistic noise of scale
s, the same answer whenever it is asked the same. Kendall's tau of each scheme's scores with those of a full round robin by the
same judge, and with the true worths; how often the best by round robin comes out first; comparisons asked. Means over groups,
95% intervals in brackets.
"""

import argparse
import asyncio
import random

import numpy as np
from scipy.stats import kendalltau

from rightly.rewards.tournament import Compare, play, usual_rounds


def noisy_judge(worths: list[float], noise: float, seed: object) -> Compare:
    async def compare(first: int, second: int) -> float:
        low, high = sorted((first, second))
        chance = random.Random(f"{seed} {low} {high}").random()
        drawn = noise * float(np.log(chance / (1 - chance)))
        wins = worths[low] - worths[high] + drawn > 0
        return float(wins == (first == low))

    return compare


def schemes(players: int) -> dict[str, dict]:
    usual = usual_rounds(players)
    return {
        "anchor (one of them)": {"scheme": "anchor"},
        "knock-out": {"scheme": "knockout"},
        f"Swiss, {usual} rounds": {"scheme": "swiss", "rounds": usual},
        f"Swiss, {usual + 2} rounds": {"scheme": "swiss", "rounds": usual + 2},
        "round robin": {"scheme": "round-robin"},
    }


def row(players: int, noise: float, groups: int, how: dict) -> list[str]:
    against_full, against_truth, best, asked = [], [], [], []
    for number in range(groups):
        draw = random.Random(f"group {number}")
        worths = [draw.gauss(0, 1) for _ in range(players)]
        judge = noisy_judge(worths, noise, number)
        full = asyncio.run(play("round-robin", players, judge)).scores
        found = asyncio.run(play(**how, players=players, compare=judge, seed=number))
        scores = [0.5 if score is None else score for score in found.scores]
        against_full.append(kendalltau(scores, full).statistic)
        against_truth.append(kendalltau(scores, worths).statistic)
        best.append(float(full[int(np.argmax(scores))] == max(full)))  # type: ignore[type-var]
        asked.append(len(found.games))
    return [f"{np.mean(asked):.0f}", *(interval(each) for each in (against_full, against_truth, best))]


def interval(values: list[float]) -> str:
    known = np.asarray(values)[~np.isnan(values)]
    half = 1.96 * known.std(ddof=1) / np.sqrt(len(known))
    return f"{known.mean():.2f} [{known.mean() - half:.2f}, {known.mean() + half:.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--players", type=int, nargs="+", default=[8, 16])
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0, 0.5, 1.0])
    parser.add_argument("--groups", type=int, default=400)
    args = parser.parse_args()
    print("| responses | noise | scheme | comparisons | tau, round robin | tau, truth | best first |")
    print("|---" * 7 + "|")
    for players in args.players:
        for noise in args.noise:
            for name, how in schemes(players).items():
                cells = row(players, noise, args.groups, how)
                print(f"| {players} | {noise:g} | {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
