"""Do the intervals and tests of the pages hold what they promise? Nulls and known truths, simulated; no model is asked.

    python experiments/evidence/null_levels.py [--draws 1000] [--only means differences ...]

Prints Markdown tables: how often a 95% interval misses the truth, and how often a test at 5% rejects a null that holds, in
percent. Clustering is the correlation of two outcomes of one context (beta-binomial). Beside the method stand two common
ones: the percentile bootstrap over contexts (200 simulations of 1,000 draws each), and McNemar's test on pairs.
"""

import argparse
from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from rightly.benchmarks.answers import from_outcomes
from rightly.benchmarks.arena_hard import Battle, arena_score
from rightly.benchmarks.catalogue import BENCHMARKS
from rightly.benchmarks.protocol import OVERALL
from rightly.benchmarks.result import compare, figures
from rightly.metrics.auc import auc
from rightly.metrics.clustered import clustered_mean, difference_of_groups, paired_difference, statistic_spread
from rightly.metrics.paired import holm, holm_levels
from rightly.metrics.ranks import rank_correlation
from rightly.types import Message, PreferencePair

Values = NDArray[np.float64]
CLUSTERING = {"none": 0.0, "mild": 0.1, "strong": 0.3}
CONTEXTS = (8, 24, 100)
SIZES = ("5 each", "20 each", "1 to 40")


def contexts_of(random: np.random.Generator, contexts: int, sizes: str) -> NDArray[np.int64]:
    """The context of every pair."""
    counts = {"5 each": np.full(contexts, 5), "20 each": np.full(contexts, 20)}.get(sizes)
    if counts is None:
        counts = np.clip(np.round(np.exp(random.normal(1.2, 0.9, contexts))), 1, 40).astype(int)
    return np.repeat(np.arange(contexts), counts)


def skills(random: np.random.Generator, contexts: int, mean: float, clustering: float) -> Values:
    """Probability of being right on each context."""
    if not clustering:
        return np.full(contexts, mean)
    a, b = (share * (1 - clustering) / clustering for share in (mean, 1 - mean))
    return random.beta(a, b, contexts)


def outcomes(random: np.random.Generator, keys: NDArray[np.int64], mean: float, clustering: float) -> Values:
    return (random.random(len(keys)) < skills(random, keys.max() + 1, mean, clustering)[keys]).astype(float)


def two_judges(
    random: np.random.Generator, keys: NDArray[np.int64], means: tuple[float, float], clustering: float
) -> tuple[Values, Values]:
    """Right and wrong of two judges on the same pairs, of which 60% are as hard for one as for the other."""
    hard = random.random(len(keys))
    other = np.where(random.random(len(keys)) < 0.6, hard, random.random(len(keys)))
    one, two = (skills(random, keys.max() + 1, mean, clustering)[keys] for mean in means)
    return (hard < one).astype(float), (other < two).astype(float)


def consistencies(random: np.random.Generator, keys: NDArray[np.int64], clustering: float) -> tuple[Values, float]:
    """Consistency of a judge that finds nothing in a third of its answers, and its true mean."""
    skill = skills(random, keys.max() + 1, 0.4, clustering)[keys]
    found = random.beta(4 * skill + 0.2, 4 * (1 - skill) + 0.2)
    true = (4 * 0.4 + 0.2) / 4.4
    return np.where(random.random(len(keys)) < 1 / 3, 0.0, found), true * 2 / 3


def bootstrap_ends(random: np.random.Generator, values: Values, keys: NDArray[np.int64]) -> tuple[float, float]:
    """The percentile bootstrap over contexts."""
    sums, sizes = np.bincount(keys, values), np.bincount(keys)
    weights = random.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=1000)
    low, high = np.quantile((weights @ sums) / (weights @ sizes), [0.025, 0.975])
    return float(low), float(high)


def mcnemar_p(one: Values, two: Values) -> float:
    from scipy.stats import binomtest

    first, second = int((one > two).sum()), int((two > one).sum())
    return float(binomtest(first, first + second).pvalue) if first + second else 1.0


def misses(ends: tuple[float, float], truth: float) -> bool:
    return not ends[0] <= truth <= ends[1]


def settings() -> Iterator[tuple[str, float, int, str]]:
    for (name, clustering), contexts, sizes in product(CLUSTERING.items(), CONTEXTS, SIZES):
        yield name, clustering, contexts, sizes


def table(heads: tuple[str, ...], rows: list[tuple]) -> None:
    print("| " + " | ".join(heads) + " |\n|" + " --- |" * len(heads))
    for row in rows:
        print("| " + " | ".join(f"{x:.1f}" if isinstance(x, float) else str(x) for x in row) + " |")
    print(flush=True)


def percent(found: list[bool]) -> float:
    return 100 * float(np.mean(found))


def means(draws: int) -> None:
    print("### Intervals of means: percent that miss the truth (goal 3 to 7)\n")
    rows = []
    for name, clustering, contexts, sizes in settings():
        random, own, before = np.random.default_rng(1), {}, {}
        for mean in (0.5, 0.8, 0.95):
            own[mean], before[mean] = [], []
            for draw in range(draws):
                keys = contexts_of(random, contexts, sizes)
                values = outcomes(random, keys, mean, clustering)
                own[mean].append(misses(clustered_mean(values, keys.tolist()).share_ends(), mean))
                if draw < 200:
                    before[mean].append(misses(bootstrap_ends(random, values, keys), mean))
        graded = []
        for _ in range(draws):
            keys = contexts_of(random, contexts, sizes)
            values, truth = consistencies(random, keys, clustering)
            graded.append(misses(clustered_mean(values, keys.tolist()).share_ends(), truth))
        figures = [f"{percent(own[mean]):.1f} ({percent(before[mean]):.1f})" for mean in own]
        rows.append((name, contexts, sizes, *figures, percent(graded)))
    table(
        ("clustering", "contexts", "pairs", "accuracy .5 (bootstrap)", ".8", ".95", "consistency, many 0"),
        rows,
    )


def differences(draws: int) -> None:
    print(
        "### Paired differences: percent of rejections where two judges are equal, and of intervals that miss a true gap\n"
    )
    rows = []
    for name, clustering, contexts, sizes in settings():
        random, figures = np.random.default_rng(2), []
        for mean in (0.5, 0.8, 0.95):
            rejected, mcnemar = [], []
            for _ in range(draws):
                keys = contexts_of(random, contexts, sizes)
                one, two = two_judges(random, keys, (mean, mean), clustering)
                rejected.append(paired_difference(one, two, keys.tolist()).difference_p() < 0.05)
                mcnemar.append(mcnemar_p(one, two) < 0.05)
            figures.append(f"{percent(rejected):.1f} ({percent(mcnemar):.1f})")
        graded, missed = [], []
        for _ in range(draws):
            keys = contexts_of(random, contexts, sizes)
            found = [consistencies(random, keys, clustering)[0] for _ in range(2)]
            graded.append(paired_difference(*found, keys.tolist()).difference_p() < 0.05)
            one, two = two_judges(random, keys, (0.9, 0.75), clustering)
            missed.append(misses(paired_difference(one, two, keys.tolist()).difference_ends(), 0.15))
        rows.append((name, contexts, sizes, *figures, percent(graded), percent(missed)))
    table(
        (
            "clustering",
            "contexts",
            "pairs",
            "accuracy .5 (McNemar)",
            ".8",
            ".95",
            "consistency",
            "gap .90 to .75 missed",
        ),
        rows,
    )


def families(draws: int) -> None:
    print(
        "### Letters of ten equal judges: percent of audits with any two apart, and of intervals (at Holm's level) that miss\n"
    )
    rows = []
    for name, clustering, contexts, sizes in settings():
        if sizes != "5 each":
            continue
        random, apart, missed = np.random.default_rng(3), [], []
        for _ in range(draws // 2):
            keys = contexts_of(random, contexts, sizes)
            judges = [outcomes(random, keys, 0.7, clustering) for _ in range(10)]
            spreads = [
                paired_difference(judges[i], judges[j], keys.tolist()) for i in range(10) for j in range(i + 1, 10)
            ]
            raw = [spread.difference_p() for spread in spreads]
            apart.append(bool((holm(raw) < 0.05).any()))
            levels = holm_levels(raw).tolist()
            missed += [misses(s.difference_ends(level), 0.0) for s, level in zip(spreads, levels, strict=True)]
        rows.append((name, contexts, percent(apart), percent(missed)))
    table(("clustering", "contexts", "any two apart", "intervals that miss"), rows)


def leans(draws: int) -> None:
    print("### Leans: percent of judges without one that are said to have one\n")
    rows = []
    for name, clustering, contexts, sizes in settings():
        random, length, slot = np.random.default_rng(4), [], []
        for _ in range(draws):
            keys = contexts_of(random, contexts, sizes)
            right = outcomes(random, keys, 0.7, clustering)
            longer = random.random(len(keys)) < random.beta(3, 2, contexts)[keys]
            p = difference_of_groups(right, longer.tolist(), keys.tolist()).difference_p()
            length.append(p < 0.05)
            tilt = skills(random, contexts, 0.5, clustering)[keys]
            first = (random.random((2, len(keys))) < tilt).mean(0)
            slot.append(paired_difference(first, 1 - first, keys.tolist()).difference_p() < 0.05)
        rows.append((name, contexts, sizes, percent(length), percent(slot)))
    table(("clustering", "contexts", "pairs", "to the longer", "to a slot"), rows)


def pairs_of(contexts: int, each: int, domains: int) -> list[PreferencePair]:
    return [
        PreferencePair(
            id=f"{domain}/{context}/{number}",
            context=(Message(role="user", content=f"question {domain} {context}"),),
            responses=(f"a {number}", "b"),
            label="A",
            domain=str(domain),
        )
        for domain in range(domains)
        for context in range(contexts)
        for number in range(each)
    ]


def benches(draws: int) -> None:
    print("### Benchmarks: percent of intervals of the official number that miss, and of rejections of equal models\n")
    rows = []
    for benchmark, domains in (("pairs", 1), ("llmbar", 5)):
        for (name, clustering), contexts in product(CLUSTERING.items(), (8, 24)):
            random, missed, rejected = np.random.default_rng(5), [], []
            items = pairs_of(contexts, 4, domains)
            keys = np.repeat(np.arange(contexts * domains), 4)
            for _ in range(max(draws // 4, 10)):
                runs = []
                for model in ("one", "two"):
                    right = outcomes(random, keys, 0.7, clustering)
                    said = zip(items, right, strict=True)
                    runs.append([from_outcomes(item, model, [(1 if ok else -1,) * 2]) for item, ok in said])
                figure = figures(BENCHMARKS[benchmark].protocols[0], runs[0])[OVERALL]["accuracy"]
                missed.append(misses((figure.low or 0.0, figure.high or 0.0), 0.7))
                rejected.append((compare(BENCHMARKS[benchmark], runs)[0].p or 0.0) < 0.05)
            rows.append((benchmark, domains, name, contexts, percent(missed), percent(rejected)))
    table(("benchmark", "domains", "clustering", "contexts a domain", "missed", "rejected"), rows)


def arena(draws: int) -> None:
    print("### Arena-Hard: percent of intervals that miss (two games a question, strong verdicts count three times)\n")
    rows = []
    for questions in (12, 24, 100, 500):
        random, own, controlled, upstream = np.random.default_rng(6), [], [], []
        for _ in range(max(draws // (1 if questions < 200 else 4), 10)):
            skill = 1 / (1 + np.exp(-random.normal(0.0, 1.5, questions)))
            style = {str(q): random.normal(0, 0.3, 4) for q in range(questions)}
            battles = [
                Battle(uid=str(q), category="all", value=float(random.random() < skill[q]), copies=int(copies))
                for q in range(questions)
                for copies in random.choice([1, 3], 2)
            ]
            (row,) = arena_score(battles, 0, "m", "b", style)
            own.append(misses((row.low or 0.0, row.high or 0.0), 0.5))
            upstream.append(misses((row.upstream_low, row.upstream_high), 0.5))
            if row.controlled_low is not None and row.controlled_high is not None:
                controlled.append(misses((row.controlled_low, row.controlled_high), 0.5))
        rows.append((questions, percent(own), percent(controlled), percent(upstream)))
    table(("questions", "score, 95%", "controlled, 95%", "upstream's, 90% (goal 10)"), rows)


def statistics(draws: int) -> None:
    print("### Matchers: percent of intervals that miss (areas and rank correlations over clusters of five)\n")
    rows = []
    for clusters, shift in product((24, 44, 92), (0.5, 2.0)):
        random, area, rank = np.random.default_rng(7), [], []
        keys = np.repeat(np.arange(clusters), 5)
        big = np.random.default_rng(8)
        truth, correlation = _truth(big, shift)
        for _ in range(max(draws // 4, 10)):
            scores, positive = _scores(random, keys, shift)
            found = statistic_spread(_rows(auc_of, scores, positive), keys.tolist())
            area.append(misses(found.share_ends(), truth))
            one, two = _linked(random, keys, shift)
            found = statistic_spread(_rows(rank_correlation, one, two), keys.tolist())
            rank.append(misses(found.difference_ends(), correlation))
        rows.append((clusters, f"{truth:.2f}", percent(area), f"{correlation:.2f}", percent(rank)))
    table(("clusters", "true area", "missed", "true correlation", "missed"), rows)


def auc_of(scores: Values, positive: Values) -> float:
    return auc(scores, positive > 0)


def _rows(
    statistic: Callable[[Values, Values], float], one: Values, two: Values
) -> Callable[[NDArray[np.int64]], float]:
    return lambda rows: statistic(one[rows], two[rows])


def _scores(random: np.random.Generator, keys: NDArray[np.int64], shift: float) -> tuple[Values, Values]:
    positive = (random.random(len(keys)) < 0.4).astype(float)
    shared = random.normal(size=keys.max() + 1)[keys]
    return shift * positive + 0.6 * shared + 0.8 * random.normal(size=len(keys)), positive


def _linked(random: np.random.Generator, keys: NDArray[np.int64], shift: float) -> tuple[Values, Values]:
    shared = random.normal(size=keys.max() + 1)[keys]
    core = 0.6 * shared + 0.8 * random.normal(size=len(keys))
    one, two = (shift * core + random.normal(size=len(keys)) for _ in range(2))
    return one, two


def _truth(random: np.random.Generator, shift: float) -> tuple[float, float]:
    keys = np.repeat(np.arange(40_000), 5)
    scores, positive = _scores(random, keys, shift)
    one, two = _linked(random, keys, shift)
    return auc_of(scores, positive), rank_correlation(one, two)


PARTS = {part.__name__: part for part in (means, differences, families, leans, benches, arena, statistics)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=1000, help="Simulations of a setting.")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="Tables to print.")
    args = parser.parse_args()
    for name in args.only:
        PARTS[name](args.draws)


if __name__ == "__main__":
    main()
