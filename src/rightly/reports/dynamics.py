"""How a judge changed while it was trained: the paper's figure of training dynamics, from your own runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rightly.reports.charts import LineChart
from rightly.reports.numbers import decimal
from rightly.reports.page import write_page
from rightly.reports.tables import Column

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
        heading: Description of the judged pair.
        points: The human points.
        answers: Reasons of each run, whether each is a human point, and the verdict.
    """

    heading: str
    points: Sequence[str]
    answers: Mapping[str, tuple[Sequence[tuple[str, bool]], str]]

    @property
    def people(self) -> list[tuple[str, bool]]:
        """The human points as an answer's reasons."""
        return [(point, True) for point in self.points]


def write_dynamics(
    path: Path, title: str, runs: Mapping[str, Rows], facts: Sequence[str] = (), shown: Sequence[Shown] = ()
) -> None:
    """Write the page.

    Args:
        path: The HTML file.
        title: Heading of the page.
        runs: Runs by name; at most `MOST_RUNS`.
        facts: Sentences on what was run.
        shown: Pairs with the runs' answers.

    Raises:
        ValueError: There are more runs than can be told apart.
    """
    if len(runs) > MOST_RUNS:
        raise ValueError(f"{len(runs)} runs; {MOST_RUNS} can be told apart")
    sets = dict.fromkeys(row["set"] for rows in runs.values() for row in rows)
    write_page(
        path,
        "dynamics.html",
        title=title,
        facts=facts,
        runs=list(runs),
        sets=[_set(name, {run: [r for r in rows if r["set"] == name] for run, rows in runs.items()}) for name in sets],
        shown=shown,
    )


def _set(name: str, runs: Mapping[str, Rows]) -> dict[str, Any]:
    """What the page shows of one set of pairs: a panel for each figure, and the first and the last row of each run."""
    drawn = [each for each in FIGURES if any(each.key in row for rows in runs.values() for row in rows)]
    ranks = [
        Figure(f"precision_at_{rank}", f"rank {rank}", f"precision at rank {rank}") for rank in range(1, _RANKS + 1)
    ]
    figures = [*drawn, *ranks]
    ends = [(run, row) for run, rows in runs.items() if rows for row in (rows[0], rows[-1])]
    return {
        "name": name,
        "panels": [(each, _panel(each, runs)) for each in drawn],
        "columns": [
            Column("run", numeric=False),
            Column("step"),
            *(Column(each.name, each.meaning) for each in figures),
        ],
        "rows": [[run, f"{row['step']:,}", *(row.get(each.key) for each in figures)] for run, row in ends],
    }


def _panel(drawn: Figure, runs: Mapping[str, Rows]) -> LineChart:
    return curve_chart(
        drawn.name,
        {
            run: [(int(row["step"]), float(row[drawn.key])) for row in rows if drawn.key in row]
            for run, rows in runs.items()
        },
    )


def curve_chart(name: str, curves: Mapping[str, Sequence[tuple[int, float]]]) -> LineChart:
    """Values over steps, a line for each run; shares from 0 to 1, counts from 0 to the largest.

    Args:
        name: Name of the figure, for screen readers.
        curves: Steps and values by run.
    """
    last = max((step for spots in curves.values() for step, _ in spots), default=1) or 1
    most = max([1.0, *(value for spots in curves.values() for _, value in spots)])
    said = "; ".join(
        f"{run} {decimal(spots[0][1])} to {decimal(spots[-1][1])}" for run, spots in curves.items() if spots
    )
    return LineChart(
        kind="curves",
        said=f"{name}: {said}",
        width=320,
        height=170,
        left=30,
        bottom=20,
        grid=[(share, f"{share * most:.2g}") for share in (0.0, 0.5, 1.0)],
        steps=[(step / last, f"{step:,}") for step in (0, last // 2, last)],
        lines=[
            (f"run-{i}", [(step / last, value / most) for step, value in spots])
            for i, spots in enumerate(curves.values())
        ],
    )
