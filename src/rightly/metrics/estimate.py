"""A figure and its interval: the one type in which every table holds them."""

import math
from typing import Self

from rightly.metrics.clustered import Spread
from rightly.types import Frozen


class Estimate(Frozen):
    """A figure with its interval, 95% where nothing else is said; contexts are the unit (`rightly.metrics.clustered`).

    Attributes:
        value: Value of the figure; ``None`` if nothing could be measured.
        low: Lower end of the interval; ``None`` for fewer than two contexts.
        high: Upper end of the interval; ``None`` for fewer than two contexts.
        n: Number of pairs behind the figure; 0 if a table counts them once for all its figures.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0

    @classmethod
    def of(cls, spread: Spread) -> Self:
        """The estimate of a figure in [0, 1]."""
        return cls(value=known(spread.value), **_ends(spread.share_ends()), n=spread.n)


class Tested(Estimate):
    """A difference with its interval and its test.

    Attributes:
        p: Two-sided p-value of "the difference is 0", of the same statistic as the interval; ``None`` without one.
    """

    p: float | None = None

    @classmethod
    def of(cls, spread: Spread) -> Self:
        """The estimate of a difference in [-1, 1], with its test."""
        p = known(spread.difference_p())
        return cls(value=known(spread.value), **_ends(spread.difference_ends()), n=spread.n, p=p)


UNTESTED = Tested(value=None, n=0)


def known(value: float) -> float | None:
    """The value; ``None`` where it is not finite."""
    return value if math.isfinite(value) else None


def _ends(ends: tuple[float, float]) -> dict[str, float | None]:
    return {"low": known(ends[0]), "high": known(ends[1])}
