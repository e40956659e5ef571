"""The parts of the page between the table of judges and the browser of items."""

from collections.abc import Sequence

from rightly.auditing.result import AuditResult, JudgeResult, PairedTest
from rightly.metrics.estimate import Estimate
from rightly.reports.charts import length_dumbbell, rank_chart, slots_bar
from rightly.reports.findings import consistency_ranks
from rightly.reports.judge_table import NO_LABEL, NO_MATCH, judge_name
from rightly.reports.markup import Html, join, tag
from rightly.reports.numbers import count, decimal, known, p_value
from rightly.reports.scatter import scatter
from rightly.reports.tables import (
    Column,
    charted_cell,
    data_table,
    estimate_cell,
    figure,
    framed,
    head,
    missing,
    notes,
    text,
)

OPEN_DOMAINS = 8
"""The table by domain is folded when it has more of them."""

JUDGE = Column("judge", numeric=False)


def scatter_section(result: AuditResult) -> Html | None:
    """Accuracy against consistency, drawn once for wide and once for narrow screens."""
    wide, narrow = scatter(result.judges, 760, 470), scatter(result.judges, 360, 380)
    if not wide:
        return None
    caption = "Crosses are 95% intervals. "
    if any(judge.accuracy.value is None or judge.consistency.value is None for judge in result.judges):
        caption += "Judges without one of the two figures are not drawn. "
    if not consistency_ranks(result):
        caption += (
            "The matcher does not carry a ranking by consistency: do not read left and right as worse and better. "
        )
    return tag(
        "figure",
        tag("div", wide, class_="wide"),
        tag("div", narrow, class_="narrow"),
        tag(
            "figcaption",
            f"{caption}Axes are cut to the data; names that find no free place are in the points' tooltips.",
        ),
    )


def failures_section(result: AuditResult) -> Html | None:
    """What failed, by kind and judge, and the policy."""
    if not result.judges:
        return None
    columns = [
        JUDGE,
        Column("judgments", "Calls, both orders counted."),
        Column("unparsed", "An answer without a verdict that was offered: its pair is wrong, its consistency 0."),
        Column("refused", "The model would not answer: its pair is wrong, its consistency 0."),
        Column("truncated", "The answer was cut at the token limit: its pair is wrong, its consistency 0."),
        Column("provider", "The request failed (time-outs, server errors); left out."),
        Column("unmatched", "The matcher gave no usable answer; left out of consistency."),
        Column("accuracy, JudgeBench", "Outcome accuracy if a failure in one order left the other order to decide."),
    ]
    kinds = ("unparsed", "refused", "truncated", "provider")
    rows = [
        [judge_name(j), text(count(j.n_judgments)), *(text(count(j.failures.get(kind, 0))) for kind in kinds),
         text(count(j.match_failures)), estimate_cell(j.accuracy_judgebench, NO_LABEL)]
        for j in result.judges
    ]  # fmt: skip
    policy = (
        "A judge's own failure (unparsed, refused, truncated) is no verdict: a pair with one, in either order, counts as "
        "wrong, and the failed answer has consistency 0. A failed request (provider) and a failed match are left out and "
        "counted here. Beside it stands JudgeBench's rule, under which one right verdict and one failure are right."
    )
    return join([tag("p", policy), data_table(columns, rows)])


def position_section(result: AuditResult) -> Html | None:
    """What the order of presentation did."""
    judges = [judge for judge in result.judges if judge.position.n]
    if not judges:
        return None
    columns = [
        JUDGE,
        Column("pairs", "Pairs judged in both orders without failure."),
        Column("same verdict", "Share of them with the same verdict in both orders."),
        Column("right in both", "Share of labelled pairs right in both orders."),
        Column("each order", "Accuracy of single judgments, orders averaged."),
        Column("first slot", "Share of verdicts for the response shown first."),
        Column(
            "first | second",
            "Verdicts for the first slot from the left, for the second from the right; the gap is ties.",
        ),
        Column("second slot", "Share of verdicts for the response shown second."),
    ]
    rows = [
        [
            judge_name(judge),
            text(count(judge.position.n)),
            figure(judge.position.consistency),
            figure(judge.both_right, NO_LABEL),
            estimate_cell(judge.accuracy_each_order, NO_LABEL),
            figure(judge.position.first_slot),
            slots_bar(judge.position.first_slot, judge.position.second_slot),
            figure(judge.position.second_slot),
        ]
        for judge in judges
    ]
    intro = "Every response is shown once in each slot, so a judge that is not moved by order fills both slots equally."
    return join(
        [tag("p", intro), data_table(columns, rows), _left_out(result.judges, judges, "judged no pair in both orders")]
    )


def length_section(result: AuditResult) -> Html | None:
    """Accuracy where the longer response is the better one, and where it is not."""
    judges = [judge for judge in result.judges if any(row.n for row in judge.by_length)]
    if not judges:
        return None
    columns = [
        JUDGE,
        Column("longer is better", "Accuracy on pairs whose better response is the longer one, in characters."),
        Column("n"),
        Column("● longer, ○ shorter", "Both accuracies on one axis from 0 to 1."),
        Column("shorter is better", "Accuracy on pairs whose better response is the shorter one."),
        Column("n"),
        Column("chose longer", "Share of all these pairs where the verdict is the longer response."),
    ]
    rows = []
    for judge in judges:
        by = {row.longer_is_better: row for row in judge.by_length}
        rows.append(
            [
                judge_name(judge),
                figure(by[True].accuracy if True in by else None, "no such pair"),
                text(count(by[True].n if True in by else 0)),
                length_dumbbell(judge.by_length),
                figure(by[False].accuracy if False in by else None, "no such pair"),
                text(count(by[False].n if False in by else 0)),
                figure(_chose_longer(judge), "no such pair"),
            ]
        )
    return data_table(columns, rows)


def ranks_section(result: AuditResult) -> Html | None:
    """Precision by place in the list, a small chart for each judge."""
    judges = [judge for judge in result.judges if judge.precision_by_rank]
    if not judges:
        return None
    last = max(judge.precision_by_rank[-1].rank for judge in judges)
    charts = [
        tag(
            "figure", tag("figcaption", tag("bdi", judge.judge)), rank_chart(judge.precision_by_rank, judge.judge, last)
        )
        for judge in judges
    ]
    columns = [JUDGE, *(Column(f"rank {rank}") for rank in range(1, last + 1))]
    rows = [[text(judge.judge), *(_rank_cell(judge, rank) for rank in range(1, last + 1))] for judge in judges]
    intro = (
        "Share of reasons at each place of the list that match a human point one-to-one (line with points), and their "
        "mean score (thin line). A judge that puts the weightiest reason first falls from left to right."
    )
    table = tag("details", tag("summary", "The same as a table"), data_table(columns, rows))
    return join([tag("p", intro), tag("div", *charts, class_="multiples"), table])


def variants_section(result: AuditResult) -> Html | None:
    """How much one-to-one and the ranks matter: consistency and average precision by their variants."""
    if not any(known(judge.consistency.value) for judge in result.judges):
        return None
    columns = [
        JUDGE,
        Column("one-to-one", "Rationale consistency as reported above: each reason matches at most one point."),
        Column(
            "unconstrained",
            "Each point takes its best reason, which may serve many points: the released scripts' recall, for lists of up "
            "to five reasons.",
        ),
        Column("rise", "Unconstrained minus one-to-one."),
        Column("AP soft", "Average precision with true ranks, a match counting its score."),
        Column("AP hard", "Average precision with true ranks, a match counting 1."),
        Column("AP official*", "Ranks counted among matched reasons only, of the first five."),
        Column(
            "grounded_accuracy",
            "Right verdict and consistency at or above the threshold, over all pairs that could be matched.",
        ),
    ]
    rows = [
        [
            judge_name(judge),
            estimate_cell(judge.consistency, NO_MATCH),
            estimate_cell(judge.unconstrained, NO_MATCH),
            figure(_difference(judge.unconstrained, judge.consistency), NO_MATCH),
            *(
                estimate_cell(each, NO_MATCH)
                for each in (judge.ap_soft, judge.ap_hard, judge.ap_official, judge.grounded_accuracy)
            ),
        ]
        for judge in result.judges
    ]
    star = "* As the paper's released scripts compute it; see Methods."
    return join([data_table(columns, rows), notes([star])])


def outcome_section(result: AuditResult) -> Html | None:
    """Consistency among right and among wrong verdicts."""
    judges = [j for j in result.judges if known(j.consistency_right.value) or known(j.consistency_wrong.value)]
    if not judges:
        return None
    columns = [
        JUDGE,
        Column("when right", "Consistency over pairs with a right verdict."),
        Column("n"),
        Column("when wrong", "Consistency over pairs with a wrong verdict; a judge's own failures count 0."),
        Column("n"),
        Column("difference", "The first minus the second."),
    ]
    rows = [
        [
            judge_name(judge),
            charted_cell(judge.consistency_right, "consistency", "no right verdict was matched"),
            text(count(judge.consistency_right.n)),
            charted_cell(judge.consistency_wrong, "consistency", "no wrong verdict was matched"),
            text(count(judge.consistency_wrong.n)),
            figure(_difference(judge.consistency_right, judge.consistency_wrong), "one of the two is missing"),
        ]
        for judge in judges
    ]
    return data_table(columns, rows)


def domains_section(result: AuditResult) -> Html | None:
    """Accuracy and consistency by domain, folded when there are many."""
    domains = sorted({domain for judge in result.judges for domain in judge.by_domain})
    if not domains:
        return None
    columns = [JUDGE, Column("outcome accuracy"), Column("n"), Column("rationale consistency"), Column("n")]
    bodies = [_domain_body(domain, result.judges) for domain in domains]
    table = framed(tag("table", head(columns), *bodies, class_="domains"))
    if len(domains) <= OPEN_DOMAINS:
        return table
    return tag("details", tag("summary", f"Show all {len(domains)} domains"), table)


def tests_section(result: AuditResult) -> Html | None:
    """Every two judges: paired tests, and agreement as a whole."""
    if not result.tests:
        return None
    columns = [
        Column("first", numeric=False),
        Column("second", numeric=False),
        Column("n", "Pairs that both judged."),
        Column("only first", "Pairs that only the first judge has right."),
        Column("only second", "Pairs that only the second judge has right."),
        Column("Δ accuracy", "First minus second, with its interval at the level at which Holm tests the row."),
        Column(
            "p, accuracy",
            "That the difference is 0, Holm-adjusted over all rows; below 0.05 where the interval leaves out 0.",
        ),
        Column("Δ consistency", "First minus second, with its interval at the level at which Holm tests the row."),
        Column("p, consistency", "That the difference is 0, Holm-adjusted over all rows."),
        Column("n needed", "Labelled pairs that would tell the two accuracies apart with 80% power, as they now look."),
    ]
    rows = [_test_row(test, consistency_ranks(result)) for test in result.tests]
    return join([data_table(columns, rows), notes(_agreement_lines(result))])


def _test_row(test: PairedTest, ranks: bool) -> list[Html]:
    difference = test.consistency_difference
    unranked = "not tested: the matcher does not carry a ranking by consistency"
    return [
        tag("bdi", test.first),
        tag("bdi", test.second),
        text(count(test.n)),
        text(count(test.only_first)),
        text(count(test.only_second)),
        estimate_cell(test.accuracy_difference, NO_LABEL),
        text(p_value(test.p_accuracy)) if known(test.p_accuracy) else missing(NO_LABEL),
        estimate_cell(difference, NO_MATCH) if ranks else missing(unranked),
        (text(p_value(test.p_consistency)) if known(test.p_consistency) else missing(NO_MATCH))
        if ranks
        else missing(unranked),
        missing("cannot be said from these pairs") if test.needed_n is None else text(count(test.needed_n)),
    ]


def _agreement_lines(result: AuditResult) -> list[str]:
    said = []
    if known(result.agreement):
        said.append(f"{decimal(result.agreement)} between the judges' verdicts")
    if known(result.human_agreement):
        said.append(f"{decimal(result.human_agreement)} between the human votes behind the labels")
    return [f"Krippendorff's α (nominal; 1 is perfect, 0 is chance): {'; '.join(said)}."] if said else []


def _domain_body(domain: str, judges: Sequence[JudgeResult]) -> Html:
    heading = tag("tr", tag("th", tag("bdi", domain), scope="rowgroup", colspan=5, class_="group"))
    rows = []
    for judge in judges:
        if domain not in judge.by_domain:
            continue
        accuracy, consistency = judge.by_domain[domain]
        rows.append(
            tag(
                "tr",
                tag("th", tag("bdi", judge.judge), scope="row"),
                tag("td", charted_cell(accuracy, "accuracy", NO_LABEL), class_="number"),
                tag("td", text(count(accuracy.n)), class_="number"),
                tag("td", charted_cell(consistency, "consistency", NO_MATCH), class_="number"),
                tag("td", text(count(consistency.n)), class_="number"),
            )
        )
    return tag("tbody", heading, *rows)


def _rank_cell(judge: JudgeResult, rank: int) -> Html:
    found = next((each for each in judge.precision_by_rank if each.rank == rank), None)
    if found is None:
        return missing("no list is so long")
    said = f"mean score {decimal(found.score)}, n = {found.n:,}"
    return tag("span", tag("span", decimal(found.matched), class_="figure"), tag("small", said), class_="stacked")


def _chose_longer(judge: JudgeResult) -> float | None:
    rows = [(row.n, row.chose_longer) for row in judge.by_length if row.n and known(row.chose_longer)]
    pairs = sum(n for n, _ in rows)
    return sum(n * share for n, share in rows if share is not None) / pairs if pairs else None


def _difference(first: Estimate, second: Estimate) -> float | None:
    return first.value - second.value if known(first.value) and known(second.value) else None


def _left_out(all_judges: Sequence[JudgeResult], shown: Sequence[JudgeResult], why: str) -> Html:
    names = [judge.judge for judge in all_judges if judge not in shown]
    return notes([f"Not shown, since it {why}: {name}." for name in names])
