"""Runs of benchmarks as a terminal table, a sortable page and Markdown: the official number first, what it hides beside it."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rightly.benchmarks.arena_hard import ArenaResult
from rightly.benchmarks.protocol import OVERALL
from rightly.benchmarks.result import BenchResult, ModelResult
from rightly.metrics.estimate import Estimate
from rightly.prompting import fill
from rightly.reports.markup import Html, join, tag
from rightly.reports.numbers import NONE
from rightly.reports.page import asset, page
from rightly.reports.tables import Column, data_table, missing, notes
from rightly.reports.tables import text as cell
from rightly.version import __version__

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
        number = f"{_percent(model.headline.value)} {model.letters}"
        table.add_row(_name(model), number, _interval(model.headline), *map(_percent, _hidden(model)))
    console.print(table)
    console.print()
    if len(result.models) > MOST_COLUMNS:
        return
    parts = _plain("parts, then the same answers under other conventions", [_name(model) for model in result.models])
    for name, values in _parts(result):
        parts.add_row(name, *map(_percent, values))
    parts.add_section()
    for name, values in _under(result):
        parts.add_row(name, *map(_percent, values))
    console.print(parts)
    console.print()
    for line in _notes(result):
        console.print(Text(line, style="dim"))


def print_gaps(result: BenchResult, console: Console) -> None:
    """Print the paired tests of a run, a row each."""
    console.print(Text.assemble((result.title, "bold"), f": {result.n:,} items"))
    table = _plain("models", ["items", "difference [at Holm's level]", "p, Holm", "items needed"])
    for gap in result.gaps:
        table.add_row(
            f"{gap.first} / {gap.second}",
            f"{gap.n:,}",
            f"{_percent(gap.difference.value)} [{_interval(gap.difference)}]",
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
            _percent(row.score),
            _interval(Estimate(value=row.score, low=row.low, high=row.high)),
            _interval(Estimate(value=row.score, low=row.upstream_low, high=row.upstream_high)),
            _percent(row.controlled),
            _interval(Estimate(value=row.controlled, low=low, high=high)),
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
    sections = [_section(result, "Models" if len(results) == 1 else _heading(result)) for result in results]
    fields = {"title": _title(results), "sections": join(sections), "version": __version__}
    body = fill(asset("bench.html"), fields)
    path = folder / "report.html"
    text = page(_title(results), body, styles=("report.css", "bench.css"), script="bench.js")
    path.write_text(text, encoding="utf-8", errors="xmlcharrefreplace", newline="\n")
    return path


def leaderboard_markdown(results: Sequence[BenchResult]) -> str:
    """The tables as Markdown."""
    parts = []
    for result in results:
        rows = [
            [_name(model), f"{_percent(model.headline.value)} {model.letters}".strip(), _interval(model.headline)]
            + [_percent(value) for value in _hidden(model)]
            for model in result.models
        ]
        parts += [f"## {_heading(result)}", "", *(f"{line}  " for line in _said(result)), ""]
        parts += [*_markdown(["model", f"{result.headline}*", "95%", *_HIDDEN], rows), ""]
        models = [_name(model) for model in result.models]
        for head, found in (("part", _parts(result)), ("convention", _under(result))):
            parts += [*_markdown([head, *models], [[name, *map(_percent, values)] for name, values in found]), ""]
        parts += [*_notes(result), ""]
    return "\n".join(parts)


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [heads, ["---"] + ["--:"] * (len(heads) - 1), *rows]
    return ["| " + " | ".join(text.replace("|", "\\|") for text in line) + " |" for line in lines]


def _title(results: Sequence[BenchResult]) -> str:
    return _heading(results[0]) if len(results) == 1 else "Leaderboard"


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


def _percent(value: float | None) -> str:
    return NONE if value is None else f"{100 * value:.1f}"


def _interval(figure: Estimate) -> str:
    return "" if figure.low is None or figure.high is None else f"{100 * figure.low:.1f} to {100 * figure.high:.1f}"


def _section(result: BenchResult, heading: str) -> Html:
    name = Column("Model", numeric=False)
    columns = [name, Column(f"{result.headline}*", result.protocol)]
    columns += [Column(head, meaning) for head, meaning in _HIDDEN.items()]
    rows = [[cell(_name(model)), _headline(model), *map(_value, _hidden(model))] for model in result.models]
    models = [Column(_name(model)) for model in result.models]
    parts, conventions = (
        [[cell(name), *map(_value, values)] for name, values in found] for found in (_parts(result), _under(result))
    )
    return tag(
        "section",
        tag("h2", heading),
        tag("p", f"{result.n:,} items, {result.data}", class_="provenance"),
        notes(_said(result)),
        data_table(columns, rows, "sortable"),
        tag("h3", "Parts"),
        data_table([Column("Part", numeric=False), *models], parts, "sortable"),
        tag("h3", "The same answers under other conventions"),
        data_table([Column("Convention", numeric=False), *models], conventions, "sortable"),
        _gaps(result),
        _published(result),
        notes(_notes(result)),
        id=result.benchmark.split(" ")[0],
    )


def _headline(model: ModelResult) -> Html:
    if model.headline.value is None:
        return missing("nothing usable was answered")
    return tag(
        "span",
        tag("span", _percent(model.headline.value), class_="figure"),
        tag("span", model.letters, class_="letters", title="shares a letter: cannot be told apart") if model.letters else None,
        tag("span", _interval(model.headline), class_="interval"),
        class_="estimate",
    )  # fmt: skip


def _value(value: float | None) -> Html:
    return missing("not measured") if value is None else tag("span", _percent(value), class_="figure")


def _gaps(result: BenchResult) -> Html | None:
    if not result.gaps:
        return None
    columns = [Column("First", numeric=False), Column("Second", numeric=False)]
    columns += [
        Column("items"),
        Column("difference", "First minus second, with its interval at the level at which Holm tests the row."),
        Column("p, Holm", "That the difference is 0; below 0.05 where the interval leaves out 0."),
        Column("items to tell them apart", "Of this kind, with 80% power, if the difference is as it looks."),
    ]
    rows = [
        [
            cell(gap.first),
            cell(gap.second),
            cell(f"{gap.n:,}"),
            cell(f"{_percent(gap.difference.value)} [{_interval(gap.difference)}]"),
            missing("no shared items") if gap.p is None else cell(f"{gap.p:.3f}"),
            missing("cannot be said") if gap.needed is None else cell(f"{gap.needed:,}"),
        ]
        for gap in result.gaps
    ]
    return tag(
        "details",
        tag("summary", f"Every two models on the same items ({len(rows)})"),
        data_table(columns, rows, "sortable"),
    )


def _published(result: BenchResult) -> Html | None:
    if not result.published:
        return None
    heads = list(dict.fromkeys(name for values in result.published.values() for name in values))
    rows = [
        [cell(name), *(cell(f"{values[head]:.2f}") if head in values else missing("not published") for head in heads)]
        for name, values in result.published.items()
    ]
    table = data_table([Column("As published by others", numeric=False), *map(Column, heads)], rows, "sortable")
    return tag("details", tag("summary", f"Published figures ({len(rows)})"), table)
