"""What a run of a benchmark found: tables with intervals, every convention, and what the number hides."""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from rightly.benchmarks.answers import Answer
from rightly.benchmarks.baselines import BASELINES
from rightly.benchmarks.benchmark import Benchmark
from rightly.benchmarks.protocol import OVERALL, Protocol, comparison_credits, mean
from rightly.metrics.paired import holm, significance_groups
from rightly.types import Frozen

DRAWS = 1000


class Figure(Frozen):
    """A number with its 95% interval; ``None`` where nothing is known.

    Attributes:
        value: The number.
        low: Lower end.
        high: Upper end.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


class ModelResult(Frozen):
    """One model on one benchmark.

    Attributes:
        model: Its name.
        kind: ``scores``, ``verdicts``, or ``rule`` for a trivial baseline.
        headline: The official number.
        rows: The official table: row, column, figure.
        conventions: The same answers under every convention that applies.
        length_matched: Mean of the accuracy where the right response is the longer one and where it is the shorter one.
        ties: Share of comparisons that ended in a tie (one order: of its verdicts).
        failed: Share of verdicts (or scores) that were missing or unusable.
        failures: Of verdicts, by kind.
        no_difference: Comparisons of responses that are the same tokens to the model; they are ties.
        consistency: Share of comparisons with the same verdict in both orders, of those with both; ``None`` with one order.
        letters: Models of the run that share a letter cannot be told apart.
        note: What is not official about it; empty otherwise.
    """

    model: str
    kind: str
    headline: Figure
    rows: dict[str, dict[str, Figure]]
    conventions: dict[str, float | None]
    length_matched: float | None
    ties: float | None
    failed: float
    failures: dict[str, int]
    no_difference: int = 0
    consistency: float | None
    letters: str = ""
    note: str = ""


class Gap(Frozen):
    """Two models on the items that both answered.

    Attributes:
        first: A model.
        second: Another.
        n: Items.
        difference: First minus second, of the official number.
        p: Two-sided, of the difference over its standard error by a paired bootstrap over contexts (normal approximation,
            so that many pairs of models do not run out of draws); Holm-adjusted over the run's pairs of models.
        needed: Items of this kind that would tell them apart with a power of .8 at this difference; ``None`` where it is 0.
    """

    first: str
    second: str
    n: int
    difference: Figure
    p: float | None
    needed: int | None


class BenchResult(Frozen):
    """A benchmark, run.

    Attributes:
        benchmark: Its name, with a suffix for every deviation.
        title: As people call it.
        data: Where the items came from.
        n: Items.
        deviations: How the items differ from those that the name promises.
        protocol: The official protocol.
        failure_policy: What becomes of unusable answers.
        headline: Column that is the number.
        licence: Of the data.
        citation: Of the paper.
        models: Best first; trivial baselines among them.
        gaps: Every two models.
        published: Rows of others, in percent.
    """

    benchmark: str
    title: str
    data: str
    n: int
    deviations: tuple[str, ...]
    protocol: str
    failure_policy: str
    headline: str
    licence: str
    citation: str
    models: tuple[ModelResult, ...]
    gaps: tuple[Gap, ...]
    published: dict[str, dict[str, float]]


class About(Frozen):
    """What was run.

    Attributes:
        data: Where the items came from.
        n: How many.
        deviations: How they differ from those that the benchmark's name promises.
    """

    data: str
    n: int
    deviations: tuple[str, ...] = ()


def bench_result(benchmark: Benchmark, about: About, runs: Sequence[Sequence[Answer]], seed: int = 0) -> BenchResult:
    """Score the answers of models, best first."""
    results = [model_result(benchmark, answers, seed) for answers in runs]
    gaps = compare(benchmark, runs, seed)
    marked = letters(results, gaps)

    def place(result: ModelResult) -> tuple[bool, float]:
        return result.headline.value is None, -(result.headline.value or 0.0)

    models = sorted((each.model_copy(update={"letters": marked[each.model]}) for each in results), key=place)
    return BenchResult(
        benchmark=benchmark.name + (" (modified)" if about.deviations else ""),
        title=benchmark.title,
        data=about.data,
        n=about.n,
        deviations=about.deviations,
        protocol=benchmark.protocols[0].name,
        failure_policy=benchmark.failure_policy,
        headline=benchmark.headline,
        licence=benchmark.licence,
        citation=benchmark.citation,
        models=tuple(models),
        gaps=gaps,
        published={row.name: dict(row.values) for row in benchmark.published},
    )


def model_result(benchmark: Benchmark, answers: Sequence[Answer], seed: int = 0) -> ModelResult:
    """Figures of one model's answers."""
    official, scored = benchmark.protocols[0], any(answer.scores for answer in answers)
    credits, domains = official.matrix(answers), [answer.domain for answer in answers]
    table = official.combine(credits, domains)
    drawn = [
        official.combine(credits[rows], [domains[row] for row in rows])
        for rows in resamples([answer.cluster for answer in answers], domains, DRAWS, seed)
    ]
    rows: dict[str, dict[str, Figure]] = {}
    for name, row in table.items():
        draws = {column: [each.get(name, {}).get(column, np.nan) for each in drawn] for column in row}
        rows[name] = {column: _figure(value, draws[column]) for column, value in row.items()}
    orders = max((len(outcome) for answer in answers for outcome in answer.outcomes), default=1)
    single = [value for answer in answers for outcome in answer.outcomes for value in outcome]
    both = [outcome for answer in answers for outcome in answer.outcomes if len(outcome) == 2 and None not in outcome]
    return ModelResult(
        model=answers[0].model,
        kind="rule" if answers[0].model in BASELINES else "scores" if scored else "verdicts",
        headline=rows[OVERALL][benchmark.headline],
        rows=rows,
        conventions={
            protocol.name: _known(protocol.table(answers)[OVERALL][benchmark.headline])
            for protocol in benchmark.protocols
            if protocol.orders <= orders
        },
        length_matched=_length_matched(answers),
        ties=_known(mean(np.array([float(value == 0) for value in single if value is not None]))),
        failed=single.count(None) / max(len(single), 1),
        failures=dict(sum((Counter({str(k): n for k, n in answer.failures.items()}) for answer in answers), Counter())),
        no_difference=sum(answer.no_difference for answer in answers),
        consistency=sum(one == two for one, two in both) / len(both) if both else None,
        note="" if scored else benchmark.judges,
    )


def compare(benchmark: Benchmark, runs: Sequence[Sequence[Answer]], seed: int = 0) -> tuple[Gap, ...]:
    """Every two models on the items that they share, by the official number."""
    gaps = [_gap(benchmark.protocols[0], benchmark.headline, a, b, seed) for i, b in enumerate(runs) for a in runs[:i]]
    adjusted = holm([np.nan if gap.p is None else gap.p for gap in gaps]) if gaps else []
    return tuple(gap.model_copy(update={"p": _known(p)}) for gap, p in zip(gaps, adjusted, strict=True))


def _gap(official: Protocol, headline: str, first: Sequence[Answer], second: Sequence[Answer], seed: int) -> Gap:
    others = {(answer.item_id, answer.item_key): answer for answer in second}
    shared = [(a, b) for a in first if (b := others.get((a.item_id, a.item_key))) is not None]
    names = first[0].model, second[0].model
    if not shared:
        return Gap(first=names[0], second=names[1], n=0, difference=Figure(value=None), p=None, needed=None)
    one, two = ([pair[place] for pair in shared] for place in (0, 1))
    domains = [answer.domain for answer in one]
    credits = [official.matrix(each) for each in (one, two)]

    def difference(rows: NDArray[np.int64] | slice) -> float:
        chosen = domains if isinstance(rows, slice) else [domains[row] for row in rows]
        values = [official.combine(each[rows], chosen)[OVERALL][headline] for each in credits]
        return values[0] - values[1]

    value = difference(slice(None))
    drawn = np.array([difference(rows) for rows in resamples([a.cluster for a in one], domains, DRAWS, seed)])
    spread = float(drawn.std(ddof=1))
    p = 2 * NormalDist().cdf(-abs(value) / spread) if spread else float(value == 0)
    needed = (
        None if value == 0 or np.isnan(value) else int(np.ceil(len(shared) * ((1.96 + 0.8416) * spread / value) ** 2))
    )
    return Gap(first=names[0], second=names[1], n=len(shared), difference=_figure(value, drawn), p=p, needed=needed)


def letters(results: Sequence[ModelResult], gaps: Sequence[Gap]) -> dict[str, str]:
    """Letters by model: two that share one cannot be told apart at 5%."""
    names = [result.model for result in results]
    if len(names) < 2:
        return dict.fromkeys(names, "")
    p_values = np.ones((len(names), len(names)))
    for gap in gaps:
        i, j = names.index(gap.first), names.index(gap.second)
        p_values[i, j] = p_values[j, i] = 1.0 if gap.p is None else gap.p
    return significance_groups(
        names, p_values, [-1.0 if r.headline.value is None else r.headline.value for r in results]
    )


def resamples(clusters: Sequence[str], domains: Sequence[str], draws: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Rows of a bootstrap over clusters, drawn within their domains so that no domain is ever empty."""
    random = np.random.default_rng(seed)
    members: dict[tuple[str, str], list[int]] = {}
    for row, key in enumerate(zip(domains, clusters, strict=True)):
        members.setdefault(key, []).append(row)
    strata: dict[str, list[NDArray[np.int64]]] = {}
    for (domain, _), rows in members.items():
        strata.setdefault(domain, []).append(np.array(rows))
    for _ in range(draws):
        yield np.concatenate([
            own[place] for own in strata.values() for place in random.integers(0, len(own), len(own))
        ])  # fmt: skip


def _length_matched(answers: Sequence[Answer]) -> float | None:
    credits: dict[int, list[float]] = {1: [], -1: []}
    for answer in answers:
        found = comparison_credits(answer, rule="per_decision", failures="wrong")
        for value, longer in zip(found, answer.longer, strict=True):
            if longer:
                credits[longer].append(value)
    return None if not credits[1] or not credits[-1] else float((np.mean(credits[1]) + np.mean(credits[-1])) / 2)


def _figure(value: float, drawn: Sequence[float] | NDArray[np.float64]) -> Figure:
    known = np.array(drawn, dtype=float)
    known = known[~np.isnan(known)]
    if np.isnan(value) or not len(known):
        return Figure(value=_known(value))
    low, high = np.quantile(known, [0.025, 0.975])
    return Figure(value=value, low=float(low), high=float(high))


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
