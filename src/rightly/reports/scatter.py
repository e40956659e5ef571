"""Outcome accuracy against rationale consistency, one cross for each judge, with labels that do not overlap."""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from rightly.auditing.result import JudgeResult
from rightly.metrics.estimate import Estimate
from rightly.reports.numbers import known

FONT = 13
"""Size of the labels, in the units of the drawing."""

MAX_NAME = 30
"""Longer names are cut in the middle; the whole name is the point's tooltip."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: left, top, right, bottom."""

    x0: float
    y0: float
    x1: float
    y1: float

    def overlap(self, other: "Box") -> float:
        """The area that both cover."""
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(0.0, width) * max(0.0, height)

    def inside(self, other: "Box") -> bool:
        """Whether it lies within another."""
        return self.x0 >= other.x0 and self.y0 >= other.y0 and self.x1 <= other.x1 and self.y1 <= other.y1


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear scale from a range of values to a range of the drawing."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value stands."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """Round values along the scale."""
        step = 0.05 if self.high - self.low < 0.35 else 0.1 if self.high - self.low < 0.75 else 0.2
        first = math.ceil(self.low / step - 1e-9)
        return [round(i * step, 2) for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


@dataclass(frozen=True, slots=True)
class Cross:
    """A judge in the drawing.

    Attributes:
        judge: The judge; the figures are its tooltip.
        x: Position of the judge's consistency.
        y: Position of the judge's accuracy.
        lying: Horizontal interval of consistency.
        standing: Vertical interval of accuracy.
        name: Name of the judge, shortened to the available space.
        label: Position of the name; ``None`` if no position is free.
    """

    judge: JudgeResult
    x: float
    y: float
    lying: Box
    standing: Box
    name: str
    label: Box | None

    @property
    def leader(self) -> tuple[float, float] | None:
        """The end of a thin line to a label that does not stand right beside its point."""
        if self.label is None:
            return None
        x, y = min(max(self.x, self.label.x0), self.label.x1), min(max(self.y, self.label.y0), self.label.y1)
        return (x, y) if math.hypot(x - self.x, y - self.y) > 14 else None


@dataclass(frozen=True, slots=True)
class Scatter:
    """The drawing: its size, the frame of its axes, the axes, and the judges."""

    width: int
    height: int
    plot: Box
    across: Axis
    up: Axis
    crosses: Sequence[Cross]


def scatter(judges: Sequence[JudgeResult], width: int, height: int, *, hang: bool = False) -> Scatter | None:
    """The drawing; ``None`` when no judge has both figures.

    Args:
        judges: Those to draw.
        width: Width of the drawing, in pixels at its natural size.
        height: Height of the drawing, in pixels at its natural size.
        hang: Whether labels hang below their points, for points in a line along the top.
    """
    drawn = [judge for judge in judges if known(judge.accuracy.value) and known(judge.consistency.value)]
    if not drawn:
        return None
    plot = Box(58, 12, width - 12, height - 44)
    across = _axis([judge.consistency for judge in drawn], plot.x0, plot.x1)
    up = _axis([judge.accuracy for judge in drawn], plot.y1, plot.y0)
    spots = [(across.at(j.consistency.value or 0), up.at(j.accuracy.value or 0)) for j in drawn]
    names = [shortened(judge.judge, MAX_NAME if width > 500 else 20) for judge in drawn]
    arms = [_arms(judge, across, up) for judge in drawn]
    widths = [text_width(name) for name in names]
    crosses_of = [box for pair in arms for box in pair]
    places = hang_labels(spots, widths, plot) if hang else place_labels(spots, widths, plot, crosses_of)
    crosses = [
        Cross(judge, *spot, *pair, name, place)
        for judge, spot, pair, name, place in zip(drawn, spots, arms, names, places, strict=True)
    ]
    return Scatter(width, height, plot, across, up, crosses)


def place_labels(
    spots: Sequence[tuple[float, float]], widths: Sequence[float], plot: Box, crosses: Sequence[Box] = ()
) -> list[Box | None]:
    """A box for each label, clear of the other labels and of all points; ``None`` where none is free.

    Each label tries the places around its point, near ones first, and takes the one that covers least of the crosses.

    Args:
        spots: The points.
        widths: Widths of the labels.
        plot: Area that contains all labels.
        crosses: Areas that labels should not cover but may.
    """
    points = [Box(x - 6, y - 6, x + 6, y + 6) for x, y in spots]
    placed: list[Box | None] = []
    for (x, y), width in zip(spots, widths, strict=True):
        taken = [*points, *(box for box in placed if box is not None)]
        free = [
            (cost + sum(box.overlap(cross) for cross in crosses) / 10, box)
            for cost, box in _places_around(x, y, width)
            if box.inside(plot) and not any(box.overlap(other) for other in taken)
        ]
        placed.append(min(free, key=lambda each: each[0])[1] if free else None)
    return placed


def hang_labels(spots: Sequence[tuple[float, float]], widths: Sequence[float], plot: Box) -> list[Box | None]:
    """A box below each point, from left to right, lower by a line wherever it would touch the one before it.

    Args:
        spots: The points.
        widths: Widths of the labels, none wider than the plot.
        plot: Area that contains all labels.
    """
    placed: list[Box | None] = [None] * len(spots)
    last: Box | None = None
    for place in sorted(range(len(spots)), key=lambda each: spots[each]):
        (x, y), width = spots[place], widths[place]
        left = min(max(x - width / 2, plot.x0), plot.x1 - width)
        box = Box(left, y + 22, left + width, y + 22 + FONT + 4)
        if last is not None and box.x0 < last.x1:
            top = last.y1 + 6
            box = Box(left, top, left + width, top + FONT + 4)
        placed[place] = last = box
    return placed


def text_width(text: str) -> float:
    """How wide a label is about, in the units of the drawing; generous, since fonts differ."""
    return 8 + FONT * sum(1.0 if unicodedata.east_asian_width(char) in "WF" else 0.6 for char in text)


def shortened(name: str, limit: int) -> str:
    """A name of at most so many characters, cut in the middle (models differ at both ends of their names)."""
    if len(name) <= limit:
        return name
    head = limit * 3 // 5
    return f"{name[:head]}…{name[len(name) - (limit - head - 1) :]}"


def _places_around(x: float, y: float, width: float) -> list[tuple[float, Box]]:
    """Boxes around a point with the cost of each, its distance from the nearest place."""
    half, places = (FONT + 4) / 2, []
    for ring in range(14):
        reach = 9 + ring * 13
        for step in range(16):
            angle = step * math.pi / 8
            dx, dy = math.cos(angle), math.sin(angle)
            # The box is hung by the side that faces the point.
            cx = x + dx * reach + (width / 2) * (1 if dx > 0.3 else -1 if dx < -0.3 else 0)
            cy = y + dy * reach + half * (1 if dy > 0.3 else -1 if dy < -0.3 else 0)
            places.append(
                (ring * 20 + (0 if dx > 0.3 else 2), Box(cx - width / 2, cy - half, cx + width / 2, cy + half))
            )
    return places


def _axis(estimates: Sequence[Estimate], start: float, end: float) -> Axis:
    """An axis over the values and intervals, widened to round numbers and to no less than a fifth of the scale."""
    values = [v for each in estimates for v in (each.value, each.low, each.high) if known(v)]
    low, high = math.floor(min(values) * 20 - 0.4) / 20, math.ceil(max(values) * 20 + 0.4) / 20
    while high - low < 0.2 - 1e-9:
        low, high = low - 0.05, high + 0.05
    low, high = max(0.0, low), min(1.0, high)
    return Axis(low, high, start, end)


def _arms(judge: JudgeResult, across: Axis, up: Axis) -> tuple[Box, Box]:
    """The two intervals, as thin boxes: consistency lies, accuracy stands."""
    x, y = across.at(judge.consistency.value or 0), up.at(judge.accuracy.value or 0)
    x0, x1 = (across.at(v) if known(v) else x for v in (judge.consistency.low, judge.consistency.high))
    y0, y1 = (up.at(v) if known(v) else y for v in (judge.accuracy.high, judge.accuracy.low))
    return Box(x0, y - 1, x1, y + 1), Box(x - 1, y0, x + 1, y1)
