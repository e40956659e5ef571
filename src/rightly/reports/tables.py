"""The tables of an audit's page."""

from collections.abc import Sequence

from rightly.rationale.result import AuditResult, Estimate, JudgeResult
from rightly.reports.figures import colour, interval_bar
from rightly.reports.findings import percent
from rightly.reports.markup import notes, table, text

ACCURACY = "Share of labelled pairs whose verdict is the label; both orders add up, a tie is wrong"
CONSISTENCY = "Share of the human points that the judge's reasons make, graded, each reason used once (RC)"


def judges_table(result: AuditResult) -> str:
    """The main table: what each judge reached, with intervals and letters."""
    header = [
        ("judge", ""),
        ("outcome accuracy", ACCURACY),
        ("rationale consistency", CONSISTENCY),
        ("spurious", f"Among right verdicts, the share with a consistency below {result.spurious_below:g}"),
        ("precision", "Share of the judge's reasons that people gave too, graded"),
        ("F1", "Harmonic mean of precision and consistency, by list"),
        ("AP", "Average precision with true ranks: human reasons early in the list count more"),
        ("self-consistent", "Share of lists whose majority of reasons favours the verdict's side"),
        ("reasons", "Mean length of the list, as matched"),
        ("failed", "Judgments without a usable verdict, by kind"),
        ("cost", "Tokens billed for judging; dollars where a price was given"),
    ]
    rows = []
    for place, judge in enumerate(result.judges):
        name = f'<span class="key" style="--ink:{colour(place)}"></span>{text(judge.judge)}'
        note = f"<small>{text(judge.note)}</small>" if judge.note else ""
        rows.append(
            [
                name + note,
                _measured(judge.accuracy, judge.groups_accuracy),
                _measured(judge.consistency, judge.groups_consistency),
                text(percent(judge.spurious.value)),
                _number(judge.precision.value),
                _number(judge.f1.value),
                _number(judge.ap_hard.value),
                text(percent(judge.self_consistency.value)),
                "–" if judge.list_length is None else f"{judge.list_length:.1f}",
                _failures(judge),
                _cost(judge),
            ]
        )
    small = [
        "Brackets are 95% percentile bootstrap intervals over pairs. Two judges that share a letter cannot be told apart "
        "(exact McNemar for accuracy, paired bootstrap for consistency; Holm over all pairs of judges, 5%).",
        "A judge's own failure counts as wrong with consistency 0; a failed line or a failed match is left out and counted. "
        "A dash means that nothing could be measured.",
    ]
    return table(header, rows, css="numbers judges") + notes(small)


def conventions_table(judges: Sequence[JudgeResult]) -> str:
    """The same records under other conventions: how much of a number is convention."""
    header = [
        ("judge", ""),
        ("pair rule ★", ACCURACY),
        ("mean of orders", "Mean accuracy of the single judgments"),
        ("both orders right", "Share of pairs right in both orders"),
        ("RC one-to-one ★", CONSISTENCY),
        ("RC unconstrained", "Each point takes its best reason, used again at will: the official scripts' recall"),
        ("AP true ranks ★", "Precision at each matched rank of the whole list"),
        ("AP soft", "The same, a match counting its score"),
        ("AP official", "Ranks among matched reasons only, as the official script computes it"),
        ("RC if right", "Consistency among right verdicts"),
        ("RC if wrong", "Consistency among wrong verdicts"),
        ("fidelity", "Right verdict with enough consistency, over all pairs that could be matched"),
    ]
    rows = [
        [
            text(judge.judge),
            *(_number(value) for value in (judge.accuracy.value, judge.accuracy_each_order.value, judge.both_right)),
            *(
                _number(estimate.value)
                for estimate in (
                    judge.consistency,
                    judge.unconstrained,
                    judge.ap_hard,
                    judge.ap_soft,
                    judge.ap_official,
                    judge.consistency_right,
                    judge.consistency_wrong,
                    judge.fidelity,
                )
            ),
        ]
        for judge in judges
    ]
    return table(header, rows, css="numbers") + notes(["★ is the convention of the table of judges."])


def position_table(judges: Sequence[JudgeResult]) -> str:
    """What the order of presentation did; empty where no judge saw both orders."""
    rows = [
        [
            text(judge.judge),
            str(judge.position.n),
            text(percent(judge.position.consistency)),
            text(percent(judge.position.first_slot)),
            text(percent(judge.position.second_slot)),
        ]
        for judge in judges
        if judge.position.n
    ]
    if not rows:
        return '<p class="empty">No judge saw the pairs in both orders.</p>'
    header = [
        ("judge", ""),
        ("pairs", "Pairs with a verdict in both orders"),
        ("same verdict", "Share with the same verdict in both orders"),
        ("chose the first", "Share of verdicts for the response shown first"),
        ("chose the second", "Share of verdicts for the response shown second"),
    ]
    return table(header, rows, css="numbers")


def length_table(judges: Sequence[JudgeResult]) -> str:
    """Accuracy where the better response is the longer one, and where it is the shorter one."""
    rows = []
    for judge in judges:
        by = {row.longer_is_better: row for row in judge.by_length}
        cells = [text(judge.judge)]
        for longer in (True, False):
            row = by.get(longer)
            cells += ["–", "–"] if row is None else [str(row.n), text(percent(row.accuracy))]
        chosen = [row for row in by.values() if row.n and row.chose_longer is not None]
        n = sum(row.n for row in chosen)
        cells.append(text(percent(sum(row.n * (row.chose_longer or 0) for row in chosen) / n if n else None)))
        rows.append(cells)
    header = [
        ("judge", ""),
        ("longer is better: n", ""),
        ("accuracy", "Among pairs whose label is the longer response"),
        ("shorter is better: n", ""),
        ("accuracy", "Among pairs whose label is the shorter response"),
        ("chose the longer", "Share of verdicts for the longer response, over these pairs"),
    ]
    return table(header, rows, css="numbers")


def domain_table(judges: Sequence[JudgeResult]) -> str:
    """Accuracy and consistency by domain; empty where there is one domain only."""
    domains = sorted({domain for judge in judges for domain in judge.by_domain})
    if not domains:
        return ""
    header = [("domain", ""), ("pairs", "Labelled pairs")]
    header += [(f"{judge.judge} {what}", "") for judge in judges for what in ("acc", "RC")]
    rows = []
    for domain in domains:
        found = [judge.by_domain.get(domain) for judge in judges]
        n = max((pair[0].n for pair in found if pair), default=0)
        cells = [_number(estimate.value) for pair in found if pair for estimate in pair]
        rows.append([text(domain), str(n), *cells])
    shown = table(header, rows, css="numbers")
    return f"<details><summary>{len(domains)} domains</summary>{shown}</details>" if len(domains) > 8 else shown


def tests_table(result: AuditResult) -> str:
    """Every two judges; empty with one judge."""
    if not result.tests:
        return '<p class="empty">One judge: nothing to compare.</p>'
    header = [
        ("judges", ""),
        ("pairs", "Labelled pairs that both judged"),
        ("only the first right", ""),
        ("only the second right", ""),
        ("p (accuracy)", "Exact McNemar, Holm-adjusted"),
        ("difference of RC", "First minus second, paired bootstrap"),
        ("p (RC)", "Paired bootstrap, Holm-adjusted"),
        ("pairs needed", "To tell the accuracies apart with 80% power, if they are as they look"),
    ]
    rows = [
        [
            f"{text(test.first)} <i>against</i> {text(test.second)}",
            str(test.n),
            str(test.only_first),
            str(test.only_second),
            _p(test.p_accuracy),
            _interval(test.consistency_difference),
            _p(test.p_consistency),
            "–" if test.needed_n is None else f"{test.needed_n:,}",
        ]
        for test in result.tests
    ]
    return table(header, rows, css="numbers")


def _measured(estimate: Estimate, letters: str) -> str:
    if estimate.value is None:
        return "–"
    group = f'<sup title="Shares a letter: cannot be told apart">{text(letters)}</sup>' if letters else ""
    return f"<b>{estimate.value:.3f}</b>{group} {_range(estimate)}{interval_bar(estimate)}"


def _interval(estimate: Estimate) -> str:
    return "–" if estimate.value is None else f"{estimate.value:+.3f} {_range(estimate)}"


def _range(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f'<span class="range">[{estimate.low:.3f}, {estimate.high:.3f}]</span>'


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _failures(judge: JudgeResult) -> str:
    parts = [f"{count} {kind}" for kind, count in sorted(judge.failures.items())]
    if judge.match_failures:
        parts.append(f"{judge.match_failures} unmatched")
    return f"{text(', '.join(parts)) or '0'}<small>of {judge.n_judgments}</small>"


def _cost(judge: JudgeResult) -> str:
    tokens = judge.usage.input_tokens + judge.usage.output_tokens
    if judge.cost is not None:
        return f"${judge.cost:.2f}<small>{tokens:,} tokens</small>"
    return f"{tokens:,} tokens" if tokens else "–"


def _p(value: float | None) -> str:
    return "–" if value is None else "&lt; .001" if value < 0.001 else f"{value:.3f}"
