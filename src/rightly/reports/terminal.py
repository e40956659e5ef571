"""The terminal's summary of an audit. Looks right from 80 columns on, and without colour when piped."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rightly.auditing.result import AuditResult, JudgeResult, PairedTest
from rightly.judges.tally import JudgeTally
from rightly.matchers.validation.trust import Trust
from rightly.metrics.estimate import Estimate
from rightly.reports.findings import consistency_ranks, findings
from rightly.reports.numbers import (
    NONE,
    confidence_line,
    count,
    decimal,
    failure_counts,
    interval,
    p_value,
    percent,
    plural,
)
from rightly.reports.tables import TableSection, Value

WIDE = 112
"""Columns from which the table shows what the reasons are like, too."""


def print_audit(result: AuditResult, console: Console) -> None:
    """Print the size of an audit, its table of judges, the matcher's reliability and what it says."""
    console.print(Text.assemble((result.source, "bold"), f": {_size(result)}"))
    if result.judges:
        console.print()
        console.print(judges_table(result, wide=console.width >= WIDE))
        _print_lines(console, _table_notes(result), style="dim")
    sure = [confidence_line(judge.judge, judge.confidence) for judge in result.judges if judge.confidence]
    if sure:
        console.print()
        console.print(Text("Confidence", style="bold"))
        _print_lines(console, sure, indent="  ")
    console.print()
    console.print(Text.assemble("Matcher ", (result.matcher, "bold"), _matcher_state(result)))
    _print_lines(console, result.reliability, indent="  ")
    console.print()
    console.print(Text("What this says", style="bold"))
    _print_lines(console, findings(result), bullet="• ")
    _print_lines(console, result.notes, bullet="· ", style="dim")


def print_tests(tests: Sequence[PairedTest], console: Console) -> None:
    """Print the paired tests, a row each."""
    if not tests:
        console.print("one judge: nothing to compare")
        return
    table = _table("judges", "n", "Δ accuracy", "p acc.", "Δ consistency", "p cons.", "n needed")
    for test in tests:
        table.add_row(
            Text(f"{test.first} / {test.second}"),
            count(test.n),
            _with_interval(test.accuracy_difference),
            p_value(test.p_accuracy),
            _with_interval(test.consistency_difference),
            p_value(test.p_consistency),
            count(test.needed_n),
        )
    console.print(table)
    _print_lines(
        console,
        ["Δ: first minus second. p-values and intervals are Holm-adjusted over all rows; the unit is the context."],
        style="dim",
    )


def print_tallies(tallies: Sequence[JudgeTally], console: Console) -> None:
    """Print what each judge said, counted."""
    unread = any(tally.unread for tally in tallies)
    heads = ("judge", "accuracy", "labelled", "judgments", "A", "B", "tie", "failed")
    table = _table(*heads, *(["reasons unread"] if unread else []))
    for tally in tallies:
        table.add_row(
            Text(tally.judge),
            percent(tally.accuracy),
            count(tally.n_labelled),
            count(tally.n_judgments),
            *(count(tally.verdicts.get(verdict, 0)) for verdict in ("A", "B", "tie")),
            ", ".join(f"{number:,} {kind}" for kind, number in sorted(tally.failures.items())) or "0",
            *([count(tally.unread)] if unread else []),
        )
    console.print(table)


def print_sections(sections: Sequence[TableSection], console: Console) -> None:
    """Print tables with their titles and notes, figures with two digits."""
    for section in sections:
        console.print()
        console.print(Text(section.title, style="bold"))
        _print_lines(console, [section.intro])
        table = _table(*section.columns)
        for row in section.rows:
            table.add_row(*(Text(_cell(value)) for value in row))
        console.print(table)
        _print_lines(console, section.notes, style="dim")


def print_reward_fitness(trusts: Sequence[Trust], console: Console) -> None:
    """Print for each matcher whether it may be a training reward, and if not why."""
    console.print()
    console.print(Text("As a training reward", style="bold"))
    _print_lines(console, [f"{trust.probes.matcher}: {trust.lines()[-1]}" for trust in trusts], bullet="· ")


_ALWAYS: dict[str, Callable[[JudgeResult], str]] = {
    "spurious": lambda judge: decimal(judge.spurious.value),
    "failed": lambda judge: count(sum(judge.failures.values()) + judge.match_failures),
}
_UNREAD: dict[str, Callable[[JudgeResult], str]] = {"unread": lambda judge: count(sum(judge.unread.values()))}
_WIDE_ONLY: dict[str, Callable[[JudgeResult], str]] = {
    "precision": lambda judge: decimal(judge.precision.value),
    "F1": lambda judge: decimal(judge.f1.value),
    "AP": lambda judge: decimal(judge.ap_soft.value),
    "reasons": lambda judge: decimal(judge.list_length, 1),
    "cost": lambda judge: NONE if judge.cost is None else f"${judge.cost:,.2f}",
}


_EXPLAINED: dict[str, Callable[[JudgeResult], str]] = {
    "S-Corr": lambda judge: decimal(judge.explanations.spurious_correctness.value) if judge.explanations else NONE,
    "F": lambda judge: decimal(judge.explanations.fidelity.value) if judge.explanations else NONE,
}


def judges_table(result: AuditResult, *, wide: bool) -> Table:
    """The table of judges; wide tables show what the reasons are like, too."""
    columns = _ALWAYS | _WIDE_ONLY if wide else _ALWAYS
    if any(judge.unread for judge in result.judges):
        columns = columns | _UNREAD
    if any(judge.explanations for judge in result.judges):
        columns = columns | _EXPLAINED
    accuracy = _padded([judge.groups_accuracy for judge in result.judges])
    ranks = consistency_ranks(result)
    consistency = _padded([judge.groups_consistency if ranks else "" for judge in result.judges])
    table = _table("judge", "accuracy", "consistency", *columns)
    for judge, letters, other_letters in zip(result.judges, accuracy, consistency, strict=True):
        table.add_row(
            Text(judge.judge),
            _with_interval(judge.accuracy, letters),
            _with_interval(judge.consistency, other_letters),
            *(shown(judge) for shown in columns.values()),
        )
    return table


def _table_notes(result: AuditResult) -> list[str]:
    notes = []
    if any(judge.groups_accuracy for judge in result.judges):
        notes.append("Judges that share a letter cannot be told apart (paired tests over contexts, Holm, 5%).")
    if any(judge.explanations for judge in result.judges):
        notes.append("S-Corr, F: R-Align's figures, by the published verdicts on the reasons.")
    notes += [
        f"{judge.judge}: failed {', '.join(failed)}" for judge in result.judges if (failed := failure_counts(judge))
    ]
    return notes + [f"{judge.judge}: {judge.note}" for judge in result.judges if judge.note]


def _matcher_state(result: AuditResult) -> str:
    if result.matcher_smoke_only:
        return ": for smoke tests only, do not compare judges by these consistency scores"
    if result.carries_ranking is None:
        return ": its reliability was not measured"
    return ", checked against people:" if result.carries_ranking else ": too far from people's links to rank judges"


def _size(result: AuditResult) -> str:
    return (
        f"{plural(result.n_pairs, 'pair')}, {result.n_labelled:,} labelled, {result.n_with_rationales:,} with human "
        f"reasons ({plural(result.n_points, 'point')})"
    )


def _padded(letters: Sequence[str]) -> list[str]:
    """Letters of one width, so that figures stand under each other in a column that is aligned to the right."""
    widest = max(map(len, letters), default=0)
    return [f" {each:<{widest}}" if widest else "" for each in letters]


def _cell(value: Value) -> str:
    if isinstance(value, Estimate):
        figure = decimal(value.value, 2)
        return figure if figure == NONE else f"{figure} {interval(value)}"
    if isinstance(value, float) or value is None:
        return decimal(value, 2)
    return value if isinstance(value, str) else count(value)


def _with_interval(estimate: Estimate, letters: str = "") -> str:
    """Figure, interval, letters."""
    figure = decimal(estimate.value)
    return figure if figure == NONE else f"{figure} {interval(estimate)}{letters}"


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", show_edge=False)
    table.add_column(first, overflow="fold", min_width=10)
    for header in others:
        table.add_column(header, justify="right", no_wrap=True)
    return table


def _print_lines(
    console: Console, lines: Sequence[str], *, bullet: str = "", indent: str = "", style: str = ""
) -> None:
    """Print lines with a hanging indent; what they hold is text, never markup."""
    if not indent + bullet:
        for line in lines:
            console.print(Text(line, style=style))
        return
    grid = Table.grid()
    grid.add_column(no_wrap=True, width=len(indent + bullet))
    grid.add_column(overflow="fold")
    for line in lines:
        grid.add_row(Text(indent + bullet, style=style), Text(line, style=style))
    if lines:
        console.print(grid)
