"""What a run of a benchmark found: tables with intervals, every convention, and what the number hides."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rightly.benchmarks.answers import Answer
from rightly.benchmarks.baselines import BASELINES
from rightly.benchmarks.benchmark import Benchmark
from rightly.benchmarks.protocol import OVERALL, Protocol, Table, comparison_credits, mean
from rightly.judges.confidence import Confidence, judge_confidence
from rightly.metrics.clustered import Spread, jackknife
from rightly.metrics.estimate import Estimate, known
from rightly.metrics.paired import holm, holm_levels, significance_groups
from rightly.types import Frozen, content_key

MOST_UNITS = 1000
"""Of more contexts, several of one domain are left out together: the variance is as right, and a run takes seconds."""


class ModelResult(Frozen):
    """One model on one benchmark.

    Attributes:
        model: Name of the model.
        kind: ``scores``, ``verdicts``, or ``rule`` for a trivial baseline.
        headline: The official number.
        rows: The official table: row, column, figure.
        conventions: Results of the same answers under every applicable convention.
        length_matched: Mean of the accuracy where the right response is the longer one and where it is the shorter one.
        ties: Share of comparisons that ended in a tie (one order: of its verdicts).
        failed: Share of verdicts (or scores) that were missing or unusable.
        failures: Number of failed verdicts by kind.
        no_difference: Comparisons of responses that are the same tokens to the model; they are ties.
        consistency: Share of comparisons with the same verdict in both orders, of those with both; ``None`` with one order.
        letters: Models of the run that share a letter cannot be told apart.
        confidence: How far a judge's confidence can be trusted, over its comparisons; ``None`` for a judge that states no
            preference, and for other models.
        note: Deviation from the official protocol; empty without one.
    """

    model: str
    kind: str
    headline: Estimate
    rows: dict[str, dict[str, Estimate]]
    conventions: dict[str, float | None]
    length_matched: float | None
    ties: float | None
    failed: float
    failures: dict[str, int]
    no_difference: int = 0
    consistency: float | None
    letters: str = ""
    confidence: Confidence | None = None
    note: str = ""


class Gap(Frozen):
    """Two models on the items that both answered.

    Attributes:
        first: Name of a model.
        second: Name of another model.
        n: Number of items.
        difference: First minus second, of the official number; the level of its interval is that at which Holm tests it.
        p: P-value of no difference, of the same statistic as the interval; Holm-adjusted over the run's pairs of models.
        needed: Number of such items that would detect this difference with a power of .8; ``None`` where nothing
            can be said.
    """

    first: str
    second: str
    n: int
    difference: Estimate
    p: float | None
    needed: int | None


class BenchResult(Frozen):
    """A benchmark, run.

    Attributes:
        benchmark: Name of the benchmark, with a suffix for every deviation.
        title: Usual name.
        data: Source of the items.
        n: Number of items.
        deviations: Differences between the items and the official ones.
        protocol: The official protocol.
        failure_policy: Treatment of unusable answers.
        headline: Column that is the number.
        licence: Licence of the data.
        citation: Citation of the paper.
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
        data: Source of the items.
        n: Number of items.
        deviations: Differences between the items and the official ones.
    """

    data: str
    n: int
    deviations: tuple[str, ...] = ()


def bench_result(benchmark: Benchmark, about: About, runs: Sequence[Sequence[Answer]]) -> BenchResult:
    """Score the answers of models, best first."""
    results = [model_result(benchmark, answers) for answers in runs]
    gaps = compare(benchmark, runs)
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


def model_result(benchmark: Benchmark, answers: Sequence[Answer]) -> ModelResult:
    """Figures of one model's answers."""
    official, whole = benchmark.protocols[0], any(answer.whole for answer in answers)
    scored = any(answer.scores for answer in answers) and not whole
    rows = figures(official, answers)
    orders = max((len(outcome) for answer in answers for outcome in answer.outcomes), default=1)
    single = [value for answer in answers for outcome in answer.outcomes for value in outcome]
    both = [outcome for answer in answers for outcome in answer.outcomes if len(outcome) == 2 and None not in outcome]
    return ModelResult(
        model=answers[0].model,
        kind="rule" if answers[0].model in BASELINES else "scores" if scored else "verdicts",
        headline=rows[OVERALL][benchmark.headline],
        rows=rows,
        conventions={
            protocol.name: known(protocol.table(answers)[OVERALL][benchmark.headline])
            for protocol in benchmark.protocols
            if protocol.orders <= orders
        },
        length_matched=_length_matched(answers),
        ties=known(mean(np.array([float(value == 0) for value in single if value is not None]))),
        failed=single.count(None) / max(len(single), 1),
        failures=dict(sum((Counter({str(k): n for k, n in answer.failures.items()}) for answer in answers), Counter())),
        no_difference=sum(answer.no_difference for answer in answers),
        consistency=sum(one == two for one, two in both) / len(both) if both else None,
        confidence=judge_confidence([each for answer in answers for each in answer.told]),
        note="" if scored else _of_choices(benchmark, answers) if whole else benchmark.judges,
    )


def _of_choices(benchmark: Benchmark, answers: Sequence[Answer]) -> str:
    """The deviation of a judge that chose among all responses of an item."""
    said = (
        []
        if benchmark.whole
        else ["asked about all responses of an item at once: right if the verdict names a right one"]
    )
    missing = sorted(benchmark.several - {answer.domain for answer in answers})
    if missing:
        said.append(
            f"no score on {', '.join(missing)}, which needs ratings; the overall number is the mean of the other subsets"
        )
    return "; ".join(said)


def compare(benchmark: Benchmark, runs: Sequence[Sequence[Answer]]) -> tuple[Gap, ...]:
    """Every two models on the items that they share, by the official number."""
    official, headline = benchmark.protocols[0], benchmark.headline
    parts: dict[tuple[str, tuple[str, ...]], tuple[float, list[NDArray[np.float64]]]] = {}

    def number(answers: Sequence[Answer]) -> tuple[float, list[NDArray[np.float64]]]:
        """The official number, and without each unit; models that answered the same items are computed once."""
        key = answers[0].model, tuple(answer.item_key for answer in answers)
        if key not in parts:
            table, left_out = _tables(official, answers)
            parts[key] = table[OVERALL][headline], [_cells(tables, OVERALL, headline) for tables in left_out]
        return parts[key]

    found: list[tuple[str, str, Spread]] = []
    for i, second in enumerate(runs):
        for first in runs[:i]:
            one, two = _shared(first, second)
            names = first[0].model, second[0].model
            if not one:
                found.append((*names, Spread(np.nan, np.nan, 1.0, 0, 0)))
                continue
            (value, left_out), (other, other_left_out) = number(one), number(two)
            differences = [a - b for a, b in zip(left_out, other_left_out, strict=True)]
            found.append((*names, jackknife(value - other, differences, n=len(one), repeated=_repeated(one))))
    raw = [spread.difference_p() for _, _, spread in found]
    return tuple(
        Gap(
            first=first,
            second=second,
            n=spread.n,
            difference=_figure(spread.value, spread.difference_ends(level) if p == p else (np.nan, np.nan)),
            p=known(p),
            needed=spread.needed(),
        )
        for (first, second, spread), p, level in zip(found, holm(raw), holm_levels(raw).tolist(), strict=True)
    )


def _shared(first: Sequence[Answer], second: Sequence[Answer]) -> tuple[list[Answer], list[Answer]]:
    others = {(answer.item_id, answer.item_key): answer for answer in second}
    pairs = [(a, b) for a in first if (b := others.get((a.item_id, a.item_key))) is not None]
    return [a for a, _ in pairs], [b for _, b in pairs]


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


def units(clusters: Sequence[str], domains: Sequence[str]) -> list[list[NDArray[np.int64]]]:
    """Rows that are left out together, by domain: a context each, or several where there are more than `MOST_UNITS`."""
    members: dict[str, dict[str, list[int]]] = {}
    for row, (domain, cluster) in enumerate(zip(domains, clusters, strict=True)):
        members.setdefault(domain, {}).setdefault(cluster, []).append(row)
    total = sum(map(len, members.values()))
    found = []
    for own in members.values():
        # In an order that says nothing of the outcomes, so that what is left out together is a random part.
        contexts = [np.array(own[cluster]) for cluster in sorted(own, key=lambda key: content_key([key]))]
        count = (
            len(contexts) if total <= MOST_UNITS else min(len(contexts), max(2, MOST_UNITS * len(contexts) // total))
        )
        found.append([np.concatenate(contexts[place::count]) for place in range(count)])
    return found


def _tables(official: Protocol, answers: Sequence[Answer]) -> tuple[Table, list[list[Table]]]:
    """The official table, and the table without each unit; the only unit of a domain is never left out."""
    credits, domains = official.matrix(answers), np.array([answer.domain for answer in answers])
    every = np.arange(len(answers))

    def without(rows: NDArray[np.int64]) -> Table:
        kept = np.delete(every, rows)
        return official.combine(credits[kept], domains[kept].tolist())

    strata = units([answer.cluster for answer in answers], domains.tolist())
    left_out = [[without(rows) for rows in own] for own in strata if len(own) > 1]
    return official.combine(credits, domains.tolist()), left_out


def figures(official: Protocol, answers: Sequence[Answer]) -> dict[str, dict[str, Estimate]]:
    """The official table with intervals."""
    table, left_out = _tables(official, answers)
    credits, domains = official.matrix(answers), np.array([answer.domain for answer in answers])
    counts: Counter[str] = Counter()
    for domain in dict.fromkeys(domains.tolist()):
        own = domains == domain
        counts.update(dict.fromkeys(official.combine(credits[own], domains[own].tolist()), int(own.sum())))
    repeated = _repeated(answers)

    def figure(name: str, column: str, value: float) -> Estimate:
        cells = [_cells(tables, name, column) for tables in left_out]
        spread = jackknife(value, cells, n=counts[name], repeated=repeated)
        return _figure(value, spread.difference_ends() if column in official.differences else spread.share_ends())

    return {name: {column: figure(name, column, v) for column, v in row.items()} for name, row in table.items()}


def _cells(tables: Sequence[Table], name: str, column: str) -> NDArray[np.float64]:
    return np.array([table.get(name, {}).get(column, np.nan) for table in tables])


def _repeated(answers: Sequence[Answer]) -> bool:
    return len({(answer.domain, answer.cluster) for answer in answers}) < len(answers)


def _length_matched(answers: Sequence[Answer]) -> float | None:
    credits: dict[int, list[float]] = {1: [], -1: []}
    for answer in answers:
        found = comparison_credits(answer, rule="per_decision", failures="wrong")
        for value, longer in zip(found, answer.longer, strict=True):
            if longer:
                credits[longer].append(value)
    return None if not credits[1] or not credits[-1] else float((np.mean(credits[1]) + np.mean(credits[-1])) / 2)


def _figure(value: float, ends: tuple[float, float]) -> Estimate:
    return Estimate(value=known(value), low=known(ends[0]), high=known(ends[1]))
