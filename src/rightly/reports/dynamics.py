"""How a judge changed while it was trained: the paper's figure of training dynamics, from your own runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rightly.prompting import fill
from rightly.reports.markup import Html, join, tag
from rightly.reports.numbers import decimal
from rightly.reports.page import asset, page
from rightly.reports.tables import Column, data_table, figure, notes, text
from rightly.version import __version__

Rows = Sequence[Mapping[str, Any]]
"""Of one run: ``{"step": 25, "set": "audit", "accuracy": ...}``."""

MOST_RUNS = 5
_RANKS = 5


class Figure(NamedTuple):
    """A figure that is drawn: its key in the rows, its name, its definition, its name where there is little room."""

    key: str
    name: str
    meaning: str
    short: str = ""


FIGURES = (
    Figure("accuracy", "Outcome accuracy", "share of verdicts that are the label", "acc"),
    Figure("consistency", "Rationale consistency", "share of the human points found, one to one", "RC"),
    Figure("precision", "Precision", "share of the listed reasons that are human points", "prec"),
    Figure("f1", "F1", "of consistency and precision", "F1"),
    Figure("reasons", "Reasons listed", "mean length of a list", "listed"),
    Figure(
        "spurious", "Spurious correctness", "right verdicts whose list finds less than a quarter of the points", "spur"
    ),
    Figure(
        "follows", "Verdict follows from list", "share of verdicts that their reasons, by weight, speak for", "follow"
    ),
    Figure("flips", "Style-swap flips", "verdicts that change when only the style is exchanged", "flips"),
)


class Shown(NamedTuple):
    """One pair and what the runs answered to it.

    Attributes:
        heading: What was judged.
        points: The human points.
        answers: By run, its reasons, whether each is a human point, and its verdict.
    """

    heading: str
    points: Sequence[str]
    answers: Mapping[str, tuple[Sequence[tuple[str, bool]], str]]


def write_dynamics(
    path: Path, title: str, runs: Mapping[str, Rows], facts: Sequence[str] = (), shown: Sequence[Shown] = ()
) -> None:
    """Write the page.

    Args:
        path: The HTML file.
        title: Its heading.
        runs: By name; at most `MOST_RUNS`.
        facts: Sentences on what was run.
        shown: Pairs with the runs' answers.

    Raises:
        ValueError: There are more runs than can be told apart.
    """
    if len(runs) > MOST_RUNS:
        raise ValueError(f"{len(runs)} runs; {MOST_RUNS} can be told apart")
    sets = list(dict.fromkeys(row["set"] for rows in runs.values() for row in rows))
    sections = [
        _section(name, {run: [r for r in rows if r["set"] == name] for run, rows in runs.items()}) for name in sets
    ]
    if shown:
        sections.append(
            tag("section", tag("h2", "What they say of the same pair"), *(_answers(each) for each in shown))
        )
    body = fill(
        asset("dynamics.html"),
        {
            "title": join([title]),
            "intro": join(tag("p", fact) for fact in facts),
            "sections": join(sections),
            "version": __version__,
        },
    )
    html = page(title, body, styles=("report.css", "dynamics.css"), script="bench.js")
    path.write_text(html, encoding="utf-8", errors="xmlcharrefreplace", newline="\n")


def _section(name: str, runs: Mapping[str, Rows]) -> Html:
    drawn = [each for each in FIGURES if any(each.key in row for rows in runs.values() for row in rows)]
    return tag(
        "section",
        tag("h2", f"Pairs: {name}"),
        _legend(list(runs)) if len(runs) > 1 else None,
        tag("div", *(_panel(each, runs) for each in drawn), class_="panels"),
        tag("h3", "Before and after"),
        _table(drawn, runs),
        notes([f"{each.name}: {each.meaning}." for each in drawn]),
    )


def _legend(names: Sequence[str]) -> Html:
    items = [
        tag("li", tag("svg", tag("line", x1=0, x2=26, y1=4, y2=4, class_=f"run-{i}"), aria_hidden="true"), name)
        for i, name in enumerate(names)
    ]
    return tag("ul", *items, class_="legend")


def _panel(drawn: Figure, runs: Mapping[str, Rows]) -> Html:
    curves = {
        name: [(int(row["step"]), float(row[drawn.key])) for row in rows if drawn.key in row]
        for name, rows in runs.items()
    }
    caption = tag("figcaption", drawn.name, tag("small", drawn.meaning))
    return tag("figure", caption, curve_chart(drawn.name, curves))


def curve_chart(name: str, curves: Mapping[str, Sequence[tuple[int, float]]]) -> Html:
    """Values over steps, a line for each run; shares from 0 to 1, counts from 0 to the largest.

    Args:
        name: Of the figure, for readers that do not see the chart.
        curves: Steps and values by run.
    """
    width, height, left, bottom, top = 320, 170, 30, 20, 8
    last = max((step for spots in curves.values() for step, _ in spots), default=1) or 1
    most = max([1.0, *(value for spots in curves.values() for _, value in spots)])

    def spot(step: int, value: float) -> tuple[float, float]:
        return left + step / last * (width - left - 8), top + (1 - value / most) * (height - top - bottom)

    marks = [
        join(
            [
                tag("line", x1=left, x2=width, y1=round(y, 1), y2=round(y, 1), class_="grid"),
                tag("text", f"{value:.2g}", x=left - 5, y=round(y + 3, 1), text_anchor="end"),
            ]
        )
        for value in (0.0, most / 2, most)
        for _, y in (spot(0, value),)
    ]
    marks += [
        tag("text", f"{step:,}", x=round(spot(step, 0)[0], 1), y=height - 4, text_anchor="middle")
        for step in (0, last // 2, last)
    ]
    lines = [
        tag("polyline", points=" ".join("{:.1f},{:.1f}".format(*spot(*each)) for each in spots), class_=f"run-{i}")
        for i, spots in enumerate(curves.values())
    ]
    said = "; ".join(
        f"{run} {decimal(spots[0][1])} to {decimal(spots[-1][1])}" for run, spots in curves.items() if spots
    )
    return tag(
        "svg",
        *marks,
        *lines,
        viewBox=f"0 0 {width} {height}",
        class_="curves",
        role="img",
        aria_label=f"{name}: {said}",
    )


def _table(drawn: Sequence[Figure], runs: Mapping[str, Rows]) -> Html:
    ranks = [
        Figure(f"precision_at_{rank}", f"rank {rank}", f"precision at rank {rank}") for rank in range(1, _RANKS + 1)
    ]
    figures = [*drawn, *ranks]
    columns = [Column("run", numeric=False), Column("step"), *(Column(each.name, each.meaning) for each in figures)]
    rows = []
    for name, found in runs.items():
        for row in (found[0], found[-1]) if found else ():
            rows.append([text(name), text(f"{row['step']:,}"), *(figure(row.get(each.key)) for each in figures)])
    return data_table(columns, rows)


def _answers(shown: Shown) -> Html:
    blocks = [_block("people", [(point, True) for point in shown.points], "")]
    blocks += [_block(name, reasons, verdict) for name, (reasons, verdict) in shown.answers.items()]
    return join([tag("p", shown.heading), tag("div", *blocks, class_="answers")])


def _block(name: str, reasons: Sequence[tuple[str, bool]], verdict: str) -> Html:
    lines = [tag("span", f"- {reason}\n", class_=None if found else "unsupported") for reason, found in reasons]
    return tag("div", tag("h3", name), tag("pre", *lines, verdict))
