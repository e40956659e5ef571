"""Where the marks of line charts and histograms stand; the templates draw them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rightly.auditing.result import RankPrecision
from rightly.reports.numbers import decimal

Spot = tuple[float, float]
"""Shares of the two axes: from 0 (left, below) to 1 (right, above)."""

_BARS = 48


@dataclass(frozen=True, slots=True)
class LineChart:
    """Lines over a grid. What is drawn is in shares of the axes; `x` and `y` place them in the units of the drawing.

    Attributes:
        kind: Class, for its looks.
        said: Description of the chart for screen readers.
        width, height: The size of the drawing.
        left, bottom, top: Room around the grid; its labels stand there.
        before, after: Room between the ends of the grid and the outer spots.
        grid: Places of the lying lines, with labels.
        steps: Places along the lower axis, with labels.
        lines: Class and spots of each line.
        dots: Spots with tooltips.
        band: The corners of an area behind the lines.
    """

    kind: str
    said: str
    width: int
    height: int
    left: int
    bottom: int
    top: int = 8
    before: int = 0
    after: int = 8
    grid: Sequence[tuple[float, str]] = ()
    steps: Sequence[tuple[float, str]] = ()
    lines: Sequence[tuple[str, Sequence[Spot]]] = ()
    dots: Sequence[tuple[Spot, str]] = ()
    band: Sequence[Spot] = ()

    def x(self, share: float) -> float:
        """Where a share of the lower axis stands."""
        return round(self.left + self.before + share * (self.width - self.left - self.before - self.after), 1)

    def y(self, share: float) -> float:
        """Where a share of the upright axis stands."""
        return round(self.top + (1 - share) * (self.height - self.top - self.bottom), 1)

    def points(self, spots: Sequence[Spot]) -> str:
        """Spots as an SVG line holds them."""
        return " ".join(f"{self.x(across):.1f},{self.y(up):.1f}" for across, up in spots)


def rank_chart(ranks: Sequence[RankPrecision], name: str, max_rank: int) -> LineChart:
    """Precision by rank: the share of reasons matched at each place of the list (line), and their mean score (thin).

    Args:
        ranks: One value for each rank.
        name: The judge, for readers that do not see the chart.
        max_rank: The last place of the axis, shared by the charts beside it.
    """
    across = {rank: (rank - 1) / max(max_rank - 1, 1) for rank in range(1, max_rank + 1)}
    matched = [(across[each.rank], each.matched) for each in ranks]
    said = ", ".join(f"rank {each.rank} {decimal(each.matched)}" for each in ranks)
    tips = [f"rank {each.rank}: {decimal(each.matched)} matched, n = {each.n:,}" for each in ranks]
    return LineChart(
        kind="ranks consistency",
        said=f"Precision by rank of {name}: {said}",
        width=220,
        height=132,
        left=30,
        bottom=22,
        top=10,
        before=6,
        grid=((0.0, "0"), (0.5, ".5"), (1.0, "1")),
        steps=[(across[rank], str(rank)) for rank in range(1, max_rank + 1, max(1, max_rank // 8))],
        lines=[("thin", [(across[each.rank], each.score) for each in ranks]), ("line", matched)],
        dots=list(zip(matched, tips, strict=True)),
    )


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a histogram: its rectangle, whether it lies below 0, and its tooltip."""

    x: float
    y: float
    width: float
    height: float
    negative: bool
    said: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many pairs have which strength.

    Attributes:
        negative: Share of the pairs below 0.
        bars: Bars from left to right.
        steps: Places along the axis, with the strength there.
        width, height: The size of the drawing; 0 stands in its middle.
        floor: Position of the bars' base.
    """

    negative: float
    bars: Sequence[Bar]
    steps: Sequence[tuple[float, float]]
    width: int
    height: int
    floor: int


def histogram(strength: np.ndarray) -> Histogram:
    """The histogram of strength; what lies beyond the outer 0.5% is counted in the last bar."""
    low, high = np.quantile(strength, [0.005, 0.995])
    edge = max(abs(low), abs(high)) or 1.0
    edges = np.linspace(-edge, edge, _BARS + 1)
    counts, _ = np.histogram(np.clip(strength, -edge, edge), edges)
    width, height, floor = 860, 210, 184
    step, tallest = width / _BARS, max(int(counts.max()), 1)
    bars = [
        Bar(
            x=round(i * step + 0.5, 1),
            y=round(floor * (1 - count / tallest), 1),
            width=round(step - 1, 1),
            height=round(floor * count / tallest, 1),
            negative=bool(edges[i + 1] <= 1e-12),
            said=f"{edges[i]:+.2f} to {edges[i + 1]:+.2f}: {count:,} pairs",
        )
        for i, count in enumerate(counts.tolist())
    ]
    steps = [(round(width * (share + 1) / 2, 1), share * float(edge)) for share in (-0.8, -0.4, 0.0, 0.4, 0.8)]
    return Histogram(float((strength < 0).mean()), bars, steps, width, height, floor)


def along(value: float) -> str:
    """Where a value from 0 to 1 stands on an axis that fills its cell."""
    return f"{100 * min(1.0, max(0.0, value)):.2f}%"
