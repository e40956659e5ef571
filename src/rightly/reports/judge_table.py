"""The table of judges: every figure with its interval, every column with its definition."""

from collections.abc import Sequence

from rightly.auditing.result import AuditResult, JudgeResult
from rightly.metrics.estimate import Estimate
from rightly.reports.findings import consistency_ranks
from rightly.reports.markup import Html, join, tag
from rightly.reports.numbers import count, failure_counts, money
from rightly.reports.tables import Column, charted_cell, data_table, estimate_cell, figure, missing, notes, text

NO_LABEL = "no pair with a side for a label"
NO_MATCH = "no pair with matched human points"
NO_RIGHT = "no right verdict with matched human points"
NO_FAVORS = "its reasons do not say which response they favor"


def judge_table(result: AuditResult) -> Html:
    """The table with its definitions; a sentence when there is no judge."""
    if not result.judges:
        return tag("p", "No judge was audited.", class_="empty")
    columns = judge_columns(result)
    rows = [_row(judge, letters=consistency_ranks(result)) for judge in result.judges]
    return join([data_table(columns, rows, "judges"), _small_print(result), definitions(columns)])


def judge_columns(result: AuditResult) -> list[Column]:
    """The columns with their definitions."""
    return [
        Column("judge", numeric=False),
        Column(
            "outcome accuracy",
            "Share of labelled pairs where the verdict is the human label. A pair judged in both orders is right when "
            "right verdicts outnumber wrong ones and neither order failed; a tie is wrong.",
        ),
        Column(
            "rationale consistency",
            "Share of the human points that the judge's reasons give, each match counting its score, under the best "
            "one-to-one matching; mean over pairs.",
        ),
        Column(
            "spurious",
            f"Spurious correctness: among right verdicts, the share with a consistency below {result.spurious_below:g}, "
            "that is, right for the wrong reasons.",
        ),
        Column("precision", "Share of the judge's reasons that match a human point, each match counting its score."),
        Column("AP", "Average precision, soft: also rewards a list that gives the human points first."),
        Column("F1", "Mean over lists of the harmonic mean of consistency and precision."),
        Column("self-consistency", "Share of lists whose reasons favor, in majority, the response of the verdict."),
        Column("reasons", f"Mean number of reasons in a list, cut at {result.max_reasons} before matching."),
        Column("failed", "Judgments without a usable verdict, by kind, and matches that failed."),
        Column("n", "Pairs given to the judge."),
        Column("cost", "Price of judging, where prices are known, and tokens billed: read in, written out."),
    ]


def definitions(columns: Sequence[Column]) -> Html:
    """What each column means, as a list."""
    entries = [join([tag("dt", column.name), tag("dd", column.meaning)]) for column in columns if column.meaning]
    return tag("details", tag("summary", "What the columns mean"), tag("dl", *entries), class_="definitions")


def judge_name(judge: JudgeResult) -> Html:
    """A judge's name, which may break anywhere."""
    return tag("bdi", judge.judge, class_="name")


def _row(judge: JudgeResult, *, letters: bool) -> list[Html]:
    note = tag("small", judge.note) if judge.note else None
    return [
        tag("span", judge_name(judge), note),
        charted_cell(judge.accuracy, "accuracy", NO_LABEL, judge.groups_accuracy),
        charted_cell(judge.consistency, "consistency", NO_MATCH, judge.groups_consistency if letters else ""),
        _stacked(judge.spurious, NO_RIGHT),
        _stacked(judge.precision, NO_MATCH),
        _stacked(judge.ap_soft, NO_MATCH),
        _stacked(judge.f1, NO_MATCH),
        _stacked(judge.self_consistency, NO_FAVORS),
        figure(judge.list_length, "no usable answer", 1),
        _failed(judge),
        text(count(judge.n_pairs)),
        _cost(judge),
    ]


def _small_print(result: AuditResult) -> Html:
    lines = [
        "Brackets and bars: 95% intervals whose unit is the context (jackknife, Student's t, score interval). Bars stand "
        "on one axis from 0 to 1, with a tick at one half."
    ]
    if any(judge.groups_accuracy or judge.groups_consistency for judge in result.judges):
        lines.append("Judges that share a letter cannot be told apart (paired tests over contexts, Holm-adjusted, 5%).")
    if not consistency_ranks(result):
        lines.append("Consistency has no letters here: the matcher does not carry a ranking.")
    return notes(lines)


def _stacked(estimate: Estimate, reason: str) -> Html:
    return tag("div", estimate_cell(estimate, reason), class_="stacked")


def _stack(above: str, below: str) -> Html:
    return tag("div", tag("span", above, class_="figure"), tag("small", below), class_="stacked")


def _failed(judge: JudgeResult) -> Html:
    counts = failure_counts(judge)
    if not counts:
        return text("0")
    return tag("div", *(tag("span", each) for each in counts), class_="stacked small")


def _cost(judge: JudgeResult) -> Html:
    tokens = judge.usage.input_tokens + judge.usage.output_tokens
    if judge.cost is None and not tokens:
        return missing("asks no model that is billed")
    billed = f"{_short(judge.usage.input_tokens)} in, {_short(judge.usage.output_tokens)} out"
    if judge.cost is None:
        return tag("div", missing("the price of its model is not known"), tag("small", billed), class_="stacked")
    return _stack(money(judge.cost), billed)


def _short(tokens: int) -> str:
    """Tokens in thousands or millions.

    >>> _short(950), _short(12_400), _short(3_250_000)
    ('950', '12.4k', '3.25M')
    """
    if tokens < 1_000:
        return str(tokens)
    return f"{tokens / 1_000:.1f}k" if tokens < 1_000_000 else f"{tokens / 1_000_000:.2f}M"
