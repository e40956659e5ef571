"""Small charts as inline SVG, drawn with percentages so that they fill whatever cell they stand in."""

from collections.abc import Sequence

from rightly.auditing.result import LengthRow, RankPrecision
from rightly.metrics.estimate import Estimate
from rightly.reports.markup import Html, join, tag
from rightly.reports.numbers import decimal, interval, known, percent


def interval_bar(estimate: Estimate, kind: str) -> Html:
    """A value and its interval on the axis from 0 to 1.

    Args:
        estimate: What to draw; without a value there is no chart.
        kind: ``"accuracy"`` or ``"consistency"``, for the colour.
    """
    if not known(estimate.value):
        return Html("")
    marks = [_rule("0%", "100%", "track"), *(_tick(at) for at in ("0%", "50%", "100%"))]
    if known(estimate.low) and known(estimate.high):
        marks.append(_rule(_at(estimate.low), _at(estimate.high), "span"))
    marks.append(tag("line", x1=_at(estimate.value), x2=_at(estimate.value), y1="5%", y2="95%", class_="value"))
    said = f"{decimal(estimate.value)} {interval(estimate)}".strip()
    return _chart(marks, f"bar {kind}", said)


def slots_bar(first: float | None, second: float | None) -> Html:
    """How the verdicts fall on the response shown first and the one shown second; the gap between them is ties."""
    if not (known(first) and known(second)):
        return Html("")
    marks = [
        tag("rect", x="0%", y="20%", width=_at(first), height="60%", class_="first"),
        tag("rect", x=_at(1 - second), y="20%", width=_at(second), height="60%", class_="second"),
        tag("line", x1="50%", x2="50%", y1="0%", y2="100%", class_="half"),
    ]
    return _chart(marks, "slots", f"first slot {percent(first)}, second slot {percent(second)}")


def length_dumbbell(rows: Sequence[LengthRow]) -> Html:
    """Accuracy where the longer response is better (filled) and where the shorter one is (hollow), joined."""
    places = {row.longer_is_better: row.accuracy for row in rows if known(row.accuracy)}
    if not places:
        return Html("")
    marks = [_rule("0%", "100%", "track"), *(_tick(at) for at in ("0%", "50%", "100%"))]
    if len(places) == 2:
        marks.append(_rule(_at(min(places.values())), _at(max(places.values())), "span"))
    for longer, value in places.items():
        marks.append(tag("circle", cx=_at(value), cy="50%", r=4, class_="dot" if longer else "dot hollow"))
    said = ", ".join(f"{'longer' if longer else 'shorter'} better {decimal(v)}" for longer, v in places.items())
    return _chart(marks, "bar accuracy", said)


def rank_chart(ranks: Sequence[RankPrecision], name: str, max_rank: int) -> Html:
    """Precision by rank: the share of reasons matched at each place of the list (line), and their mean score (thin).

    Args:
        ranks: One for each place.
        name: The judge, for readers that do not see the chart.
        max_rank: The last place of the axis, shared by the charts beside it.
    """
    width, height, left, bottom, top = 220, 132, 30, 22, 10
    step = (width - left - 14) / max(max_rank - 1, 1)

    def spot(rank: int, value: float) -> tuple[float, float]:
        return left + 6 + (rank - 1) * step, top + (1 - value) * (height - top - bottom)

    axes = [
        join(
            [
                tag("line", x1=left, x2=width, y1=y, y2=y, class_="grid"),
                tag("text", label, x=left - 6, y=round(y + 3.5, 1), text_anchor="end"),
            ]
        )
        for value, label in ((0.0, "0"), (0.5, ".5"), (1.0, "1"))
        for y in (round(spot(1, value)[1], 1),)
    ]
    axes += [
        tag("text", str(rank), x=round(spot(rank, 0)[0], 1), y=height - 6, text_anchor="middle")
        for rank in _shown_ranks(max_rank)
    ]
    matched = [spot(each.rank, each.matched) for each in ranks]
    scores = [spot(each.rank, each.score) for each in ranks]
    dots = [
        tag("circle", tag("title", f"rank {each.rank}: {decimal(each.matched)} matched, n = {each.n:,}"),
            cx=round(x, 1), cy=round(y, 1), r=3, class_="dot")
        for each, (x, y) in zip(ranks, matched, strict=True)
    ]  # fmt: skip
    said = ", ".join(f"rank {each.rank} {decimal(each.matched)}" for each in ranks)
    return tag(
        "svg",
        *axes,
        _path(scores, "thin"),
        _path(matched, "line"),
        *dots,
        viewBox=f"0 0 {width} {height}",
        class_="ranks consistency",
        role="img",
        aria_label=f"Precision by rank of {name}: {said}",
    )


def _shown_ranks(max_rank: int) -> list[int]:
    every = max(1, max_rank // 8)
    return [rank for rank in range(1, max_rank + 1) if (rank - 1) % every == 0]


def _path(spots: Sequence[tuple[float, float]], kind: str) -> Html:
    return tag("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in spots), class_=kind)


def _chart(marks: Sequence[Html], kind: str, said: str) -> Html:
    return tag("svg", *marks, class_=f"chart {kind}", role="img", aria_label=said)


def _rule(start: str, end: str, kind: str) -> Html:
    return tag("line", x1=start, x2=end, y1="50%", y2="50%", class_=kind)


def _tick(at: str) -> Html:
    return tag("line", x1=at, x2=at, y1="25%", y2="75%", class_="tick")


def _at(value: float) -> str:
    return f"{100 * min(1.0, max(0.0, value)):.2f}%"
