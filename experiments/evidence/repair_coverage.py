"""Do the intervals of `rightly strength` and `rightly repair` cover? The figures of docs/evidence/strength.md, "Intervals".

    python experiments/evidence/repair_coverage.py simulated --sets 200
    python experiments/evidence/repair_coverage.py ukp --ukp pairs.jsonl.gz --work FOLDER --pairs 300 --draws 10

``simulated``: strengths and wrong labels drawn by eight worlds, of which the interval's assumption fails in one
("learnt"). ``ukp``: labels of UKPConvArg1 turned round at random, linear heads over frozen all-MiniLM-L6-v2 features,
cross-fitted over contexts. What is covered is the number of wrong labels in the set itself.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rightly.metrics.calibration import preference_probability
from rightly.preferences.adjust import AdjustRule, adjust, suspects
from rightly.preferences.effect import repair_effect
from rightly.preferences.evidence import LabelEvidence
from rightly.preferences.quality import fit_noise_model, fit_people
from rightly.preferences.strength import assign_folds, preference_strength

Array = NDArray[np.float64]
RATES = (0.05, 0.15, 0.3)
SIZES = (30, 100, 300, 2000)
CHECKED = 100


class Drawn:
    """Strength relative to the label, whether the label is wrong, and the group of each pair."""

    def __init__(self, toward: Array, wrong: NDArray[np.bool_], groups: NDArray[np.int64] | None = None) -> None:
        self.strength = np.where(wrong, -toward, toward)
        self.wrong, self.groups = wrong, np.arange(len(wrong)) if groups is None else groups


def toward_truth(random: np.random.Generator, count: int, power: float = 1.0) -> Array:
    """Margins toward the better response of a model that is right as often as ``sigmoid(|margin|)`` says, then distorted."""
    logit = random.normal(0, 3, count)
    right = random.random(count) < preference_probability(np.abs(logit))
    return np.where(right, 1, -1) * np.abs(logit) ** power


def well(random, count, rate):
    return Drawn(toward_truth(random, count), random.random(count) < rate)


def overconfident(random, count, rate):
    return Drawn(toward_truth(random, count, 2.0), random.random(count) < rate)


def underconfident(random, count, rate):
    return Drawn(toward_truth(random, count, 0.4), random.random(count) < rate)


def ceiling(random, count, rate):
    """The models are wrong on 15% of the pairs, however sure they are."""
    toward = toward_truth(random, count)
    return Drawn(np.where(random.random(count) < 0.15, -toward, toward), random.random(count) < rate)


def hard(random, count, rate):
    """Labels are wrong the more often the harder the pair is: half of them at strength 0, hardly any on easy pairs."""
    toward = toward_truth(random, count)
    doubt = preference_probability(-np.abs(toward))
    return Drawn(toward, random.random(count) < np.minimum(doubt * rate / doubt.mean(), 0.5))


def clustered(random, count, rate):
    """Ten pairs a context; some contexts have many wrong labels, others none, and models know some contexts better."""
    groups = np.arange(count) // 10
    own = random.beta(2 * rate, 2 * (1 - rate), groups.max() + 1)[groups]
    known = np.exp(random.normal(0, 0.7, groups.max() + 1))[groups]
    return Drawn(toward_truth(random, count) * known, random.random(count) < own, groups)


def heads(random, count, rate):
    """Three linear heads of 10 features, cross-fitted on the noisy labels themselves."""
    from rightly.training.ensemble.heads import HeadEnsemble

    features = random.normal(0, 1, (count, 2, 10))
    better = random.random(count) < preference_probability((features[:, 0] - features[:, 1]) @ random.normal(0, 1, 10))
    wrong = random.random(count) < rate
    best = np.where(better ^ wrong, 0, 1)
    folds = assign_folds(range(count), 5, 0)
    margins = HeadEnsemble(3, 0).margins(list(features.astype(np.float32)), best.tolist(), np.arange(count), folds)
    strength = preference_strength(margins).mean
    return Drawn(np.where(wrong, -strength, strength), wrong)


def learnt(random, count, rate):
    """Half of the wrong labels are wrong in a way that the models have learnt: they agree with them."""
    wrong = random.random(count) < rate
    toward = np.abs(toward_truth(random, count)) * np.where(random.random(count) < 0.95, 1, -1)
    return Drawn(np.where(wrong & (random.random(count) < 0.5), -np.abs(toward), toward), wrong)


WORLDS: dict[str, Callable[..., Drawn]] = {
    "as told": well,
    "overconfident": overconfident,
    "underconfident": underconfident,
    "models wrong on 15%": ceiling,
    "errors go with difficulty": hard,
    "ten pairs a context": clustered,
    "three heads, cross-fitted": heads,
    "half of the errors learnt": learnt,
}


def judged(drawn: Drawn, people: Array | None) -> tuple[list[float], ...]:
    """By what is measured: the planted number, estimate, low, high; of all labels, then of the suspects."""
    groups = drawn.groups
    q = fit_noise_model(drawn.strength, groups=groups)[0] if people is None else fit_people(drawn.strength, people)[0]
    evidence = LabelEvidence(drawn.strength, q, people=people, groups=groups)
    rows = []
    for chosen in (np.ones(len(q), dtype=bool), suspects(drawn.strength, q, AdjustRule())):
        found = evidence.wrong(chosen)
        rows.append([float(drawn.wrong[chosen].sum()), found.expected, found.low, found.high, float(found.n)])
    return tuple(rows)


def summary(rows: Array) -> str:
    """Coverage, mean width and mean error of the estimate, as shares of the labels in question."""
    planted, expected, low, high, n = rows[rows[:, 4] > 0].T
    inside = (low - 1e-6 <= planted) & (planted <= high + 1e-6)
    error, width = (expected - planted) / n, (high - low) / n
    return f"{inside.mean():.3f} ({width.mean():.2f}) | {error.mean():+.3f}"


def simulated(args: argparse.Namespace) -> None:
    heads_ = [
        "margins alone: all labels",
        "error",
        "suspects",
        "error",
        f"{CHECKED} checked: all",
        "error",
        "suspects",
        "error",
    ]
    print(f"coverage (mean width) | mean of estimate minus planted, as shares; {args.sets} sets a rate of {RATES}\n")
    print("| world | pairs | " + " | ".join(heads_) + " |\n" + "| --- " * (len(heads_) + 2) + "|")
    for name, world in WORLDS.items():
        for count in args.sizes:
            found: list[list[list[float]]] = [[], [], [], []]
            for rate in RATES:
                for number in range(args.seed, args.seed + args.sets):
                    random = np.random.default_rng([number, count, int(100 * rate)])
                    drawn = world(random, count, rate)
                    for place, row in enumerate(judged(drawn, None)):
                        found[place].append(row)
                    if count > CHECKED:
                        few = random.permutation(count)[:CHECKED]
                        people = np.full(count, np.nan)
                        people[few] = 1.0 - drawn.wrong[few]
                        for place, row in enumerate(judged(drawn, people), start=2):
                            found[place].append(row)
            cells = [summary(np.array(rows)) if rows else "– | –" for rows in found]
            print(f"| {name} | {count:,} | " + " | ".join(cells) + " |", flush=True)


def ukp(args: argparse.Namespace) -> None:
    """Labels of UKPConvArg1 turned round at random: do the intervals cover, and what does each repair do?"""
    from strength_evidence import Material
    from strength_evidence import ukp as strict

    from rightly.training.ensemble.heads import HeadEnsemble

    data = Material(strict(args), args.work, together="context")
    presets = ("drop", "flip", "auto")
    print(
        "| flipped | planted | estimate [95%] | covered | suspects | wrong among them | estimate [95%] | covered |",
        end="",
    )
    print(
        " wrong labels after drop | flip | auto | promised change by flip | covered | flip refused |\n"
        + "| --- " * 14
        + "|"
    )
    for rate in RATES:
        found: list[list[float]] = []
        for draw in range(args.draws):
            random = np.random.default_rng([draw, int(100 * rate)])
            rows = np.sort(random.permutation(len(data.pairs))[: args.pairs])
            wrong = np.zeros(len(rows), dtype=bool)
            wrong[random.permutation(len(rows))[: round(rate * len(rows))]] = True
            best = np.where(wrong, 1 - data.best[rows], data.best[rows])
            groups = data.groups[rows]
            folds = assign_folds(groups.tolist(), 5, draw)
            margins = HeadEnsemble(args.members, draw).margins(
                [data.features[i] for i in rows], best.tolist(), groups, folds
            )
            s = preference_strength(margins).mean
            q = fit_noise_model(s, groups=groups)[0]
            evidence = LabelEvidence(s, q, groups=groups)
            every, chosen = evidence.wrong(np.ones(len(s), dtype=bool)), suspects(s, q, AdjustRule())
            few, after = evidence.wrong(chosen), []
            for preset in presets:
                terms = adjust(s, q, AdjustRule(preset=preset))
                turned = terms.keep & (terms.target < 0.5)
                after.append(int(np.where(turned, ~wrong, wrong)[terms.keep].sum()))
            effect = repair_effect(evidence, chosen, np.zeros(len(s), dtype=bool))
            true_change = after[1] - wrong.sum()
            inside = [
                every.low <= wrong.sum() <= every.high,
                few.low <= wrong[chosen].sum() <= few.high,
                effect.change_low <= true_change <= effect.change_high,
            ]
            found.append(
                [wrong.sum(), every.expected, every.low, every.high, inside[0], few.n, wrong[chosen].sum(), few.expected,
                 few.low, few.high, inside[1], *after, effect.change, effect.change_low, effect.change_high, inside[2],
                 effect.flips_may_harm]
            )  # fmt: skip
        m = np.array(found, dtype=float).mean(axis=0)
        counted = [f"{round(m[place] * args.draws)} of {args.draws}" for place in (4, 10, 17, 18)]
        cells = [
            f"{rate:.0%}",
            f"{m[0]:.0f}",
            f"{m[1]:.0f} [{m[2]:.0f}, {m[3]:.0f}]",
            counted[0],
            f"{m[5]:.0f}",
            f"{m[6]:.1f}",
            f"{m[7]:.1f} [{m[8]:.0f}, {m[9]:.0f}]",
            counted[1],
            f"{m[11]:.1f} of {args.pairs - m[5]:.0f}",
            f"{m[12]:.1f}",
            f"{m[13]:.1f}",
            f"{m[14]:+.1f} [{m[15]:+.0f}, {m[16]:+.0f}]",
            *counted[2:],
        ]
        print("| " + " | ".join(cells) + " |", flush=True)


PARTS = {"simulated": simulated, "ukp": ukp}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--ukp", default="sample:ukpconvarg1")
    parser.add_argument("--work", type=Path, default=Path("runs/strength_evidence"))
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--members", type=int, default=10)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument(
        "--seed", type=int, default=1000, help="First seed; 0 to 199 served to set the tool's constants."
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    args = parser.parse_args()
    PARTS[args.part](args)


if __name__ == "__main__":
    main()
