"""Numbers as the reports print them: the same digits on the page and in the terminal."""

import math
from collections.abc import Sequence
from typing import TypeGuard

from rightly.auditing.result import JudgeResult
from rightly.judges.confidence import Confidence
from rightly.metrics.estimate import Estimate

NONE = "–"
"""What stands where there is no number."""


def known(value: float | None) -> TypeGuard[float]:
    """Whether there is a number: neither ``None`` nor NaN nor infinite."""
    return value is not None and math.isfinite(value)


def decimal(value: float | None, places: int = 3) -> str:
    """A figure on the scale 0 to 1, or a difference of two.

    >>> decimal(0.7034), decimal(-0.0001), decimal(None)
    ('0.703', '0.000', '–')
    """
    if not known(value):
        return NONE
    shown = f"{value:.{places}f}"
    shown = shown.removeprefix("-") if float(shown) == 0 else shown
    return shown.replace("-", "−")


def percent(value: float | None) -> str:
    """A share as people read it in a sentence."""
    return f"{100 * value:.1f}%" if known(value) else NONE


def interval(estimate: Estimate, places: int = 2) -> str:
    """The interval of an estimate; empty where it has none."""
    if not (known(estimate.low) and known(estimate.high)):
        return ""
    return f"[{decimal(estimate.low, places)}, {decimal(estimate.high, places)}]"


def ratio(value: float, low: float, high: float) -> str:
    """A share in [0, 1] with its interval."""
    return f"{decimal(value)} [{decimal(low)}, {decimal(high)}]"


def hundred(value: float | None) -> str:
    """A share in percent, without the sign, as tables of benchmarks print it."""
    return NONE if value is None else f"{100 * value:.1f}"


def hundred_interval(estimate: Estimate) -> str:
    """The interval of a share in percent; empty where it has none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f}"


def p_value(value: float | None) -> str:
    """A p-value with three decimals, or that it is smaller than they show."""
    return NONE if not known(value) else "<0.001" if value < 0.001 else f"{value:.3f}"


def count(value: int | None) -> str:
    """A whole number with separators."""
    return NONE if value is None else f"{value:,}"


def money(value: float | None) -> str:
    """An amount in the currency of the prices given (US dollars)."""
    return f"${value:,.2f}" if known(value) else NONE


def tokens(number: int) -> str:
    """A count of tokens in thousands or millions.

    >>> tokens(950), tokens(12_400), tokens(3_250_000)
    ('950', '12.4k', '3.25M')
    """
    if number < 1_000:
        return str(number)
    return f"{number / 1_000:.1f}k" if number < 1_000_000 else f"{number / 1_000_000:.2f}M"


def difference(first: Estimate, second: Estimate) -> float | None:
    """The first figure minus the second; ``None`` where one is missing."""
    return first.value - second.value if known(first.value) and known(second.value) else None


def listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def plural(number: int, noun: str) -> str:
    """A count with its noun.

    >>> plural(1, "pair"), plural(1200, "pair")
    ('1 pair', '1,200 pairs')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def plural_mean(number: float | None, noun: str) -> str:
    """A mean count with its noun.

    >>> plural_mean(1.0, "reason"), plural_mean(3.98, "point")
    ('1.0 reasons', '4.0 points')
    """
    return f"{decimal(number, 1)} {noun}s"


def failure_counts(judge: JudgeResult) -> list[str]:
    """What failed, by kind, failed matches last; empty when nothing did."""
    counts = [f"{number:,} {kind}" for kind, number in sorted(judge.failures.items()) if number]
    if judge.match_failures:
        counts.append(f"{judge.match_failures:,} unmatched")
    if judge.unread:
        counts.append(f"{sum(judge.unread.values()):,} without readable reasons")
    return counts


def confidence_line(name: str, found: Confidence) -> str:
    """How far a judge's confidence can be trusted, in one line."""
    parts = [f"calibration error {decimal(found.calibration_error)} on {found.n_confident:,} of {found.n:,} pairs"]
    half = [point for point in found.coverage if point.coverage >= 0.5]
    if half:
        parts.append(f"accuracy {decimal(half[-1].accuracy)} on the most confident {half[-1].coverage:.0%}")
    if found.by_votes:
        votes = ", ".join(f"{point.votes}: {decimal(point.accuracy)}" for point in found.by_votes)
        parts.append(f"accuracy by votes {votes}")
    return f"{name}: {'; '.join(parts)}"
