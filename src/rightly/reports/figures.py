"""The figures of a report, drawn as SVG without a library: few marks, direct labels, one colour a judge."""

from collections.abc import Callable, Sequence

from rightly.rationale.result import Estimate, JudgeResult
from rightly.reports.markup import text

# Okabe and Ito's colours, told apart by colour-blind readers; the eighth (yellow) is too pale for thin lines.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#777777")
Scale = Callable[[float], float]
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 640, 380, 56, 44, 14, 150


def colour(index: int) -> str:
    """The colour of the judge at this place of the table."""
    return COLOURS[index % len(COLOURS)]


def interval_bar(estimate: Estimate) -> str:
    """A value on the scale from 0 to 1 with its interval, as wide as a table cell."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return ""
    low, high, value = (100 * x for x in (estimate.low, estimate.high, estimate.value))
    return (
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<line class="axis" x1="0" x2="100" y1="4" y2="4"/><line class="tick" x1="50" x2="50" y1="2" y2="6"/>'
        f'<rect x="{low:.1f}" width="{max(high - low, 0.8):.1f}" y="2.5" height="3"/>'
        f'<line class="value" x1="{value:.1f}" x2="{value:.1f}" y1="0" y2="8"/></svg>'
    )


def scatter(judges: Sequence[JudgeResult]) -> str:
    """Accuracy (up) against consistency (right), both with intervals; judges without either are left out."""
    shown = [
        (place, judge, judge.consistency, judge.accuracy)
        for place, judge in enumerate(judges)
        if judge.consistency.value is not None and judge.accuracy.value is not None
    ]
    if not shown:
        return '<p class="empty">No judge has both an accuracy and a consistency.</p>'
    to_x, x_ticks = _scale([v for _, _, e, _ in shown for v in _ends(e)], _LEFT, _WIDTH - _RIGHT)
    to_y, y_ticks = _scale([v for _, _, _, e in shown for v in _ends(e)], _HEIGHT - _BOTTOM, _TOP)
    parts = [_grid(to_x, x_ticks, to_y, y_ticks, "rationale consistency", "outcome accuracy")]
    labels = _spread([(to_y(e.value or 0), place) for place, _, _, e in shown])
    for place, judge, across, up in shown:
        x, y = to_x(across.value or 0), to_y(up.value or 0)
        (x0, x1), (y0, y1) = map(to_x, _ends(across)), map(to_y, _ends(up))
        ink = colour(place)
        label_x, label_y = _WIDTH - _RIGHT + 14, labels[place]
        parts.append(
            f'<g style="--ink:{ink}"><line class="whisker" x1="{x0:.1f}" x2="{x1:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<line class="whisker" x1="{x:.1f}" x2="{x:.1f}" y1="{y0:.1f}" y2="{y1:.1f}"/>'
            f'<path class="leader" d="M{x:.1f},{y:.1f} L{label_x - 4},{label_y:.1f}"/>'
            f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'
            f'<text class="name" x="{label_x}" y="{label_y + 4:.1f}">{text(_short(judge.judge, 22))}'
            f"<title>{text(judge.judge)}</title></text></g>"
        )
    return _svg("".join(parts), "Outcome accuracy against rationale consistency of each judge")


def rank_chart(judges: Sequence[JudgeResult]) -> str:
    """Precision by place in the judge's list: a line each."""
    shown = [(place, judge) for place, judge in enumerate(judges) if judge.precision_by_rank]
    if not shown:
        return '<p class="empty">No list of reasons was matched.</p>'
    ranks = max(len(judge.precision_by_rank) for _, judge in shown)
    if ranks == 1:
        return '<p class="empty">Every list has one reason at most: there are no ranks to compare.</p>'

    def to_x(rank: float) -> float:
        return _LEFT + (rank - 1) / (ranks - 1) * (_WIDTH - _RIGHT - _LEFT)

    values = [row.score for _, judge in shown for row in judge.precision_by_rank]
    to_y, y_ticks = _scale([0.0, *values], _HEIGHT - _BOTTOM, _TOP)
    parts = [
        _grid(to_x, [float(r) for r in range(1, ranks + 1)], to_y, y_ticks, "place in the list", "mean matched score")
    ]
    labels = _spread([(to_y(judge.precision_by_rank[-1].score), place) for place, judge in shown])
    for place, judge in shown:
        points = [(to_x(row.rank), to_y(row.score)) for row in judge.precision_by_rank]
        path = " L".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dots = "".join(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points)
        x, y = points[-1]
        label_x = _WIDTH - _RIGHT + 14
        parts.append(
            f'<g style="--ink:{colour(place)}"><path class="line" d="M{path}"/>{dots}'
            f'<path class="leader" d="M{x:.1f},{y:.1f} L{label_x - 4},{labels[place]:.1f}"/>'
            f'<text class="name" x="{label_x}" y="{labels[place] + 4:.1f}">{text(_short(judge.judge, 22))}'
            f"<title>{text(judge.judge)}</title></text></g>"
        )
    return _svg("".join(parts), "Precision by place in the list of reasons")


def _svg(body: str, title: str) -> str:
    return (
        f'<svg class="figure" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{text(title)}">'
        f"<title>{text(title)}</title>{body}</svg>"
    )


def _scale(values: Sequence[float], start: float, end: float) -> tuple[Scale, list[float]]:
    """A linear map of round bounds around the values onto pixels, and its ticks."""
    low, high = max(0.0, min(values) - 0.02), min(1.0, max(values) + 0.02)
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if (high - low) / s <= 6)
    first, last = int(low / step), -int(-high / step // 1)
    low, high = first * step, max(last, first + 1) * step
    ticks = [round(low + i * step, 4) for i in range(max(last - first, 1) + 1)]

    def to_pixel(value: float) -> float:
        return start + (value - low) / (high - low) * (end - start)

    return to_pixel, ticks


def _grid(to_x: Scale, x_ticks: Sequence[float], to_y: Scale, y_ticks: Sequence[float], across: str, up: str) -> str:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    lines = "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{to_y(t):.1f}" y2="{to_y(t):.1f}"/>'
        f'<text class="tick" x="{_LEFT - 8}" y="{to_y(t) + 4:.1f}" text-anchor="end">{t:g}</text>'
        for t in y_ticks
    )
    lines += "".join(
        f'<text class="tick" x="{to_x(t):.1f}" y="{bottom + 18}" text-anchor="middle">{t:g}</text>'
        f'<line class="grid" x1="{to_x(t):.1f}" x2="{to_x(t):.1f}" y1="{_TOP}" y2="{bottom}"/>'
        for t in x_ticks
    )
    return (
        f"{lines}"
        f'<text class="title" x="{(_LEFT + right) / 2}" y="{_HEIGHT - 6}" text-anchor="middle">{text(across)}</text>'
        f'<text class="title" transform="translate(13,{(_TOP + bottom) / 2}) rotate(-90)" text-anchor="middle">'
        f"{text(up)}</text>"
    )


def _spread(wanted: Sequence[tuple[float, int]], gap: float = 17.0) -> dict[int, float]:
    """Heights for labels: as near as can be to where they are wanted, at least ``gap`` apart."""
    placed: dict[int, float] = {}
    last = _TOP - gap
    for y, place in sorted(wanted):
        last = max(y, last + gap)
        placed[place] = last
    overflow = last - (_HEIGHT - _BOTTOM)
    return {place: y - max(0.0, overflow) for place, y in placed.items()} if overflow > 0 else placed


def _ends(estimate: Estimate) -> tuple[float, float]:
    value = estimate.value or 0.0
    return (value if estimate.low is None else estimate.low, value if estimate.high is None else estimate.high)


def _short(name: str, longest: int) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
