"""Outcome accuracy of a judge that saw each pair in one order or in both.

The same judgments give very different numbers under different conventions (a tie is half, wrong, or left out; a
verdict that flips with the order is wrong, half, ...), so every convention here has a name.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from rightly.types import Choice

FailurePolicy = Literal["wrong", "half", "drop"]
"""Credit of an item without a usable verdict: 0, one half, or none (it is excluded from the denominator)."""

PairRule = Literal["failures_wrong", "judgebench", "both_right", "zero_is_half", "per_decision"]
"""Rule that combines the two orders of a pair; see :func:`pair_values`."""

Outcome = Literal[1, 0, -1] | None
"""A verdict against a label that names a response: right, tied, wrong; ``None`` where nothing usable came."""

T = TypeVar("T")

_FAILED_VALUE: dict[FailurePolicy, float] = {"wrong": 0.0, "half": 0.5, "drop": np.nan}


def outcome(verdict: Choice | None, label: Choice) -> Outcome:
    """The outcome of a verdict where the label names a response."""
    return None if verdict is None else 0 if verdict == "tie" else 1 if verdict == label else -1


def majority(votes: Iterable[T | None], tie: T) -> T | None:
    """The value with the most votes, ``tie`` for equal counts; ``None`` without a usable vote."""
    counts = Counter(vote for vote in votes if vote is not None).most_common()
    if not counts:
        return None
    return tie if len(counts) > 1 and counts[0][1] == counts[1][1] else counts[0][0]


def combine_orders(first: Choice | None, second: Choice | None) -> Choice | None:
    """One verdict from the verdicts of both orders.

    For a label that names a response, the result is the label exactly when the rule ``failures_wrong`` calls the pair
    correct: a judge that gave no verdict in one of the orders it was asked in has given none on the pair.

    Args:
        first: Verdict in the stored order; ``None`` if the judge failed.
        second: Verdict in the swapped order, in the names of the stored pair.

    Returns:
        The verdict they agree on; a response beside a tie; ``"tie"`` for two different responses; ``None`` when either
        failed.
    """
    if first is None or second is None:
        return None
    if first == second:
        return first
    if first == "tie":
        return second
    return first if second == "tie" else "tie"


def order_values(
    labels: Sequence[Choice], verdicts: Sequence[Choice | None], *, failures: FailurePolicy, tie: float = 0.0
) -> NDArray[np.float64]:
    """The credit of each single judgment: 1 where the verdict is the label.

    Args:
        labels: Better response of each pair, or ``"tie"``; length n.
        verdicts: Verdicts in the names of the stored pairs; length n, ``None`` for a failed judgment.
        failures: Credit of a failed judgment.
        tie: Credit of the verdict ``"tie"`` where the label is not a tie.

    Returns:
        Shape [n]; NaN where a failed judgment is dropped.

    Raises:
        ValueError: The lengths differ.
    """
    failed = _FAILED_VALUE[failures]

    def credit(label: Choice, verdict: Choice | None) -> float:
        if verdict is None:
            return failed
        return 1.0 if verdict == label else tie if verdict == "tie" else 0.0

    return np.array([credit(label, verdict) for label, verdict in zip(labels, verdicts, strict=True)], dtype=float)


def pair_values(
    labels: Sequence[Choice],
    first: Sequence[Choice | None],
    second: Sequence[Choice | None],
    *,
    rule: PairRule,
    failures: FailurePolicy,
) -> NDArray[np.float64]:
    """The credit of each pair that was judged in both orders.

    The rules (a right verdict has +1 point, a wrong one -1, a tie or a failure 0; where the label is a tie, a tie is
    right and a response is wrong):

    - ``failures_wrong``: 1 iff the two points sum to more than 0 and both orders have a verdict. The rule of
      `rightly audit`: a failure is no verdict, so it can neither stand for a tie nor leave the other order to decide.
    - ``judgebench``: 1 iff the two points sum to more than 0, a failure having none (Tan et al., "JudgeBench", 2024; its
      failure policy is ``wrong``). One right verdict beside a failure makes the pair right.
    - ``zero_is_half``: as that, but a sum of 0 is one half.
    - ``both_right``: 1 iff both verdicts are right.
    - ``per_decision``: the mean of the two verdicts' own credits, a tie being one half.

    A pair has failed when both orders did under ``judgebench`` and ``zero_is_half``, when either did under
    ``failures_wrong`` and ``both_right``. Under ``per_decision`` the policy holds for each order by itself.

    Args:
        labels: Better response of each pair, or ``"tie"``; length n.
        first: Verdicts in the stored order; length n, ``None`` where the judgment failed.
        second: Verdicts in the swapped order, in the names of the stored pairs; length n.
        rule: Rule that combines two orders.
        failures: Credit of a failed pair.

    Returns:
        Shape [n], in [0, 1]; NaN where a failed pair is dropped.

    Raises:
        ValueError: The lengths differ.
    """
    if rule == "per_decision":
        return _mean_of_orders(labels, first, second, failures)
    failed_value = _FAILED_VALUE[failures]
    value = _RULES[rule]
    failed = _FAILED[rule]
    return np.array(
        [
            failed_value if failed(one, two) else value(points(label, one), points(label, two))
            for label, one, two in zip(labels, first, second, strict=True)
        ],
        dtype=float,
    )


def points(label: Choice, verdict: Choice | None) -> int:
    """+1 for a right verdict, -1 for a wrong one, 0 for a failure or a tie that the label is not."""
    if verdict == label:
        return 1
    return 0 if verdict is None or verdict == "tie" else -1


def _both_failed(first: Choice | None, second: Choice | None) -> bool:
    return first is None and second is None


def _either_failed(first: Choice | None, second: Choice | None) -> bool:
    return first is None or second is None


_RULES: dict[PairRule, Callable[[int, int], float]] = {
    "failures_wrong": lambda one, two: float(one + two > 0),
    "judgebench": lambda one, two: float(one + two > 0),
    "zero_is_half": lambda one, two: (np.sign(one + two) + 1) / 2,
    "both_right": lambda one, two: float(one == two == 1),
}
_FAILED: dict[PairRule, Callable[[Choice | None, Choice | None], bool]] = {
    "failures_wrong": _either_failed,
    "judgebench": _both_failed,
    "zero_is_half": _both_failed,
    "both_right": _either_failed,
}


def _mean_of_orders(
    labels: Sequence[Choice],
    first: Sequence[Choice | None],
    second: Sequence[Choice | None],
    failures: FailurePolicy,
) -> NDArray[np.float64]:
    orders = [order_values(labels, verdicts, failures=failures, tie=0.5) for verdicts in (first, second)]
    # A dropped order leaves the other; only a pair without either is dropped (and has no mean to take).
    known = np.sum([~np.isnan(values) for values in orders], axis=0)
    total = np.nansum(orders, axis=0)
    return np.divide(total, known, out=np.full(len(known), np.nan), where=known > 0)
