"""Position bias: the effect of the order of presentation on a judge's verdict."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rightly.types import Choice

_FIRST_SHOWN = {("A", 0), ("B", 1)}
_SECOND_SHOWN = {("B", 0), ("A", 1)}


@dataclass(frozen=True)
class PositionBias:
    """Counts over pairs with a usable verdict in both orders, and their rates (NaN when there is no such pair).

    A judge that is not moved by position has ``first_slot_rate == second_slot_rate``, whatever it prefers, because
    every response was shown once in each slot.

    Attributes:
        n: Number of pairs with a verdict in both orders.
        n_failed: Number of pairs excluded because an order has no verdict.
        n_consistent: Number of pairs with the same verdict in both orders.
        n_first_slot: Number of verdicts (of 2n) for the response shown first.
        n_second_slot: Number of verdicts (of 2n) for the response shown second; the rest are ties.
    """

    n: int
    n_failed: int
    n_consistent: int
    n_first_slot: int
    n_second_slot: int

    @property
    def consistency(self) -> float:
        """Share of pairs with the same verdict in both orders."""
        return _share(self.n_consistent, self.n)

    @property
    def first_slot_rate(self) -> float:
        """Share of verdicts for the response shown first; ties are in the denominator."""
        return _share(self.n_first_slot, 2 * self.n)

    @property
    def second_slot_rate(self) -> float:
        """Share of verdicts for the response shown second; ties are in the denominator."""
        return _share(self.n_second_slot, 2 * self.n)


def position_bias(first: Sequence[Choice | None], second: Sequence[Choice | None]) -> PositionBias:
    """Measure position bias on pairs of two responses.

    Args:
        first: Verdicts in the stored order (A shown first); length n, ``None`` where the judgment failed.
        second: Verdicts in the swapped order (B shown first), in the names of the stored pairs; length n.

    Raises:
        ValueError: The lengths differ.
    """
    verdicts = list(zip(first, second, strict=True))
    usable = [pair for pair in verdicts if None not in pair]
    seen = Counter((verdict, order) for pair in usable for order, verdict in enumerate(pair))
    return PositionBias(
        n=len(usable),
        n_failed=len(verdicts) - len(usable),
        n_consistent=sum(one == two for one, two in usable),
        n_first_slot=sum(seen[slot] for slot in _FIRST_SHOWN),
        n_second_slot=sum(seen[slot] for slot in _SECOND_SHOWN),
    )


def _share(count: int, total: int) -> float:
    return count / total if total else float("nan")
