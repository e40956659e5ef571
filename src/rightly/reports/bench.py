"""Runs of benchmarks as a terminal table, a sortable page and Markdown: the official number first, what it hides beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rightly.benchmarks.arena_hard import ArenaResult
from rightly.benchmarks.protocol import OVERALL
from rightly.benchmarks.result import BenchResult, ModelResult
from rightly.metrics.estimate import Estimate
from rightly.reports.numbers import NONE, confidence_line, hundred, hundred_interval
from rightly.reports.page import write_page
from rightly.reports.tables import Column

MOST_COLUMNS = 8
"""Models that a terminal has room for side by side."""

_HIDDEN = {
    "length-matched": "mean of the accuracy where the right response is the longer one and where it is the shorter one",
    "ties": "share of comparisons that ended in a tie",
    "failed": "share of verdicts or scores that were missing or unusable",
    "consistent": "share of comparisons with the same verdict in both orders",
}


def print_bench(result: BenchResult, console: Console) -> None:
    """Print a run: its table, the conventions, what is not official."""
    console.print(Text.assemble((_heading(result), "bold"), f": {result.n:,} items, {result.data}"))
    for line in _said(result):
        console.print(Text(line, style="dim"))
    table = _plain("model", [f"{result.headline}*", "[95%]", *_HIDDEN])
    for model in result.models:
        number = f"{hundred(model.headline.value)} {model.letters}"
        table.add_row(_name(model), number, hundred_interval(model.headline), *map(hundred, _hidden(model)))
    console.print(table)
    console.print()
    if len(result.models) > MOST_COLUMNS:
        return
    parts = _plain("parts, then the same answers under other conventions", [_name(model) for model in result.models])
    for name, values in _parts(result):
        parts.add_row(name, *map(hundred, values))
    parts.add_section()
    for name, values in _under(result):
        parts.add_row(name, *map(hundred, values))
    console.print(parts)
    console.print()
    sure = [confidence_line(_name(model), model.confidence) for model in result.models if model.confidence]
    for line in (*sure, *_notes(result)):
        console.print(Text(line, style="dim"))


def print_gaps(result: BenchResult, console: Console) -> None:
    """Print the paired tests of a run, a row each."""
    console.print(Text.assemble((result.title, "bold"), f": {result.n:,} items"))
    table = _plain("models", ["items", "difference [at Holm's level]", "p, Holm", "items needed"])
    for gap in result.gaps:
        table.add_row(
            f"{gap.first} / {gap.second}",
            f"{gap.n:,}",
            f"{hundred(gap.difference.value)} [{hundred_interval(gap.difference)}]",
            NONE if gap.p is None else f"{gap.p:.3f}",
            NONE if gap.needed is None else f"{gap.needed:,}",
        )
    console.print(table)


def print_arena(result: ArenaResult, console: Console) -> None:
    """Print scores by category, a row each."""
    first = result.rows[0]
    console.print(Text.assemble((first.model, "bold"), " against ", (first.baseline, "bold")))
    heads = ["n", "left out", "score", "95%", "upstream 90%", "controlled", "95%"]
    table = _plain("category", heads)
    for row in result.rows:
        low, high = row.controlled_low, row.controlled_high
        table.add_row(
            row.category,
            f"{row.n:,}",
            f"{row.n_left_out:,}",
            hundred(row.score),
            hundred_interval(Estimate(value=row.score, low=row.low, high=row.high)),
            hundred_interval(Estimate(value=row.score, low=row.upstream_low, high=row.upstream_high)),
            hundred(row.controlled),
            hundred_interval(Estimate(value=row.controlled, low=low, high=high)),
        )
    console.print(table)
    for row in result.rows:
        if row.coefficients:
            said = ", ".join(f"{name} {value:+.3f}" for name, value in row.coefficients.items())
            console.print(Text(f"style in {row.category}: {said}", style="dim"))
    for note in result.notes:
        console.print(Text(note, style="dim"))


def _plain(first: str, figures: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first, overflow="fold")
    for head in figures:
        table.add_column(head, justify="right", overflow="fold")
    return table


def write_bench_report(folder: Path, results: Sequence[BenchResult]) -> Path:
    """Write ``report.html`` and ``leaderboard.md``; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "leaderboard.md").write_text(leaderboard_markdown(results), encoding="utf-8")
    path = folder / "report.html"
    write_page(
        path,
        "bench.html",
        title=_heading(results[0]) if len(results) == 1 else "Leaderboard",
        hidden=[Column(head, meaning) for head, meaning in _HIDDEN.items()],
        runs=[_run(result) for result in results],
    )
    return path


def _run(result: BenchResult) -> dict[str, Any]:
    """What the page shows of a run."""
    heads = list(dict.fromkeys(name for values in result.published.values() for name in values))
    return {
        "result": result,
        "heading": _heading(result),
        "said": _said(result),
        "models": [(_name(model), model, _hidden(model)) for model in result.models],
        "confidence": [(_name(model), model.confidence) for model in result.models if model.confidence],
        "names": [_name(model) for model in result.models],
        "parts": [[name, *values] for name, values in _parts(result)],
        "conventions": [[name, *values] for name, values in _under(result)],
        "published": {
            "heads": heads,
            "rows": [[name, *map(values.get, heads)] for name, values in result.published.items()],
        },
        "notes": _notes(result),
    }


def leaderboard_markdown(results: Sequence[BenchResult]) -> str:
    """The tables as Markdown."""
    parts = []
    for result in results:
        rows = [
            [_name(model), f"{hundred(model.headline.value)} {model.letters}".strip(), hundred_interval(model.headline)]
            + [hundred(value) for value in _hidden(model)]
            for model in result.models
        ]
        parts += [f"## {_heading(result)}", "", *(f"{line}  " for line in _said(result)), ""]
        parts += [*_markdown(["model", f"{result.headline}*", "95%", *_HIDDEN], rows), ""]
        models = [_name(model) for model in result.models]
        for head, found in (("part", _parts(result)), ("convention", _under(result))):
            parts += [*_markdown([head, *models], [[name, *map(hundred, values)] for name, values in found]), ""]
        parts += [*_notes(result), ""]
    return "\n".join(parts)


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [heads, ["---"] + ["--:"] * (len(heads) - 1), *rows]
    return ["| " + " | ".join(text.replace("|", "\\|") for text in line) + " |" for line in lines]


def _heading(result: BenchResult) -> str:
    return result.title + (" (modified)" if result.deviations else "")


def _said(result: BenchResult) -> list[str]:
    lines = [
        f"* {result.protocol}; {result.failure_policy}. "
        "In percent; 95% intervals over contexts within domains (jackknife, Student's t, score interval)."
    ]
    if result.deviations:
        lines.append(f"Not the official data: {'; '.join(result.deviations)}.")
    return lines


def _notes(result: BenchResult) -> list[str]:
    lines = []
    for note in dict.fromkeys(model.note for model in result.models if model.note and model.kind == "verdicts"):
        lines.append(f"Verdicts: {note}.")
    lines += [
        f"Comparisons without a difference to {_name(model)}: {model.no_difference:,} (the same tokens: identical, or "
        "identical up to its maximum length). They are ties."
        for model in result.models
        if model.no_difference
    ]
    if len(result.models) > 1:
        lines.append(
            "Models that share a letter cannot be told apart (paired test on the same items, contexts as the unit, Holm, 5%)."
        )
    if result.citation:
        lines.append(f"{result.citation}. Licence of the data: {result.licence}.")
    return lines


def _parts(result: BenchResult) -> list[tuple[str, list[float | None]]]:
    """What the number is made of: a name, and the value of every model."""
    empty = Estimate(value=None)
    return [
        (
            column if name == OVERALL else name if column == result.headline else f"{name}, {column}",
            [model.rows.get(name, {}).get(column, empty).value for model in result.models],
        )
        for name, row in result.models[0].rows.items()
        for column in row
        if (name, column) != (OVERALL, result.headline)
    ]


def _under(result: BenchResult) -> list[tuple[str, list[float | None]]]:
    """Every convention, and the number of every model under it."""
    names = dict.fromkeys(name for model in result.models for name in model.conventions)
    return [
        (name + ("*" if name == result.protocol else ""), [model.conventions.get(name) for model in result.models])
        for name in names
    ]


def _hidden(model: ModelResult) -> list[float | None]:
    return [model.length_matched, model.ties, model.failed, model.consistency]


def _name(model: ModelResult) -> str:
    return f"({model.model})" if model.kind == "rule" else model.model
