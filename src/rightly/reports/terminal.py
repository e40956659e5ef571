"""The terminal's summary of an audit."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from rightly.judges.tally import JudgeTally
from rightly.rationale.result import AuditResult, Estimate, JudgeResult, PairedTest
from rightly.reports.findings import findings, percent


def print_audit(result: AuditResult, console: Console) -> None:
    """The table of judges, and what it says."""
    console.print(f"[bold]{result.source}[/]: {_size(result)}", highlight=False)
    table = Table(box=None, pad_edge=False, header_style="dim", show_edge=False)
    table.add_column("judge", overflow="fold", min_width=10)
    for header in ("accuracy", "consistency", "spurious", "precision", "failed"):
        table.add_column(header, justify="right", no_wrap=True)
    for judge in result.judges:
        table.add_row(
            judge.judge,
            _with_interval(judge.accuracy, judge.groups_accuracy),
            _with_interval(judge.consistency, judge.groups_consistency),
            percent(judge.spurious.value),
            percent(judge.precision.value),
            _failed(judge),
        )
    console.print(table)
    console.print(f"[dim]matcher {result.matcher}[/]", highlight=False)
    for line in (*result.reliability, *result.notes):
        console.print(f"[dim]  {line}[/]", highlight=False)
    for sentence in findings(result):
        console.print(f"• {sentence}", highlight=False)


def print_tests(tests: Sequence[PairedTest], console: Console) -> None:
    """The paired tests, a row each."""
    if not tests:
        console.print("one judge: nothing to compare", highlight=False)
        return
    table = Table(box=None, pad_edge=False, header_style="dim", show_edge=False)
    table.add_column("judges", overflow="fold")
    for header in ("n", "only 1st right", "only 2nd", "p accuracy", "Δ consistency", "p consistency", "n needed"):
        table.add_column(header, justify="right")
    for test in tests:
        table.add_row(
            f"{test.first} / {test.second}",
            str(test.n),
            str(test.only_first),
            str(test.only_second),
            _p(test.p_accuracy),
            _with_interval(test.consistency_difference, ""),
            _p(test.p_consistency),
            "–" if test.needed_n is None else f"{test.needed_n:,}",
        )
    console.print(table)
    console.print("[dim]p-values are Holm-adjusted over all rows[/]", highlight=False)


def print_tallies(tallies: Sequence[JudgeTally], console: Console) -> None:
    """What each judge said, counted."""
    table = Table(box=None, pad_edge=False, header_style="dim", show_edge=False)
    table.add_column("judge", overflow="fold", min_width=10)
    for header in ("accuracy", "labelled", "judgments", "A", "B", "tie", "failed"):
        table.add_column(header, justify="right")
    for tally in tallies:
        table.add_row(
            tally.judge,
            percent(tally.accuracy),
            f"{tally.n_labelled:,}",
            f"{tally.n_judgments:,}",
            *(f"{tally.verdicts.get(verdict, 0):,}" for verdict in ("A", "B", "tie")),
            ", ".join(f"{count} {kind}" for kind, count in sorted(tally.failures.items())) or "0",
        )
    console.print(table)


def _size(result: AuditResult) -> str:
    return (
        f"{result.n_pairs:,} pairs, {result.n_labelled:,} with a side for a label, "
        f"{result.n_with_rationales:,} with human reasons ({result.n_points:,} points)"
    )


def _with_interval(estimate: Estimate, letters: str) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "–"
    return f"{estimate.value:.3f} \\[{estimate.low:.2f}, {estimate.high:.2f}] {letters}".rstrip()


def _failed(judge: JudgeResult) -> str:
    counts = [f"{count} {kind}" for kind, count in sorted(judge.failures.items())]
    if judge.match_failures:
        counts.append(f"{judge.match_failures} unmatched")
    return ", ".join(counts) or "0"


def _p(value: float | None) -> str:
    return "–" if value is None else "<.001" if value < 0.001 else f"{value:.3f}"
