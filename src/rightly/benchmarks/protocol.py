"""How answers become a number: credits of every item, and a table combined from them.

A protocol is two pure functions, so that the table without some items is computed anew, weights of domains included.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rightly.benchmarks.answers import Answer
from rightly.metrics.accuracy import FailurePolicy, Outcome, PairRule, order_values, pair_values

Credits = NDArray[np.float64]
Table = dict[str, dict[str, float]]
"""Rows by name, columns by name; the last row is the overall one."""

OVERALL = "overall"
ACCURACY = "accuracy"
DROPPED = "ties and failures dropped: right / (right + wrong)"
"""Convention of papers that count only decided pairs (OpenRS): a judge raises it by abstaining where it is unsure."""

_VERDICTS = {1: "A", 0: "tie", -1: "B", None: None}


@dataclass(frozen=True)
class Protocol:
    """One way of making a number.

    Attributes:
        name: Name in tables.
        credits: Function that gives the credits of one answer, ``(f,)``; NaN is excluded from means.
        combine: Function from credits, ``(n, f)``, and the domain of every item to a table.
        orders: Number of orders that an answer must have; fewer make the protocol meaningless.
        differences: Columns that lie in [-1, 1]; all others lie in [0, 1].
    """

    name: str
    credits: Callable[[Answer], Sequence[float]]
    combine: Callable[[Credits, Sequence[str]], Table]
    orders: int = 1
    differences: frozenset[str] = frozenset()

    def table(self, answers: Sequence[Answer]) -> Table:
        """The table of these answers."""
        return self.combine(self.matrix(answers), [answer.domain for answer in answers])

    def matrix(self, answers: Sequence[Answer]) -> Credits:
        """``(n, f)``."""
        return np.array([self.credits(answer) for answer in answers], dtype=float)


def credit(outcomes: Sequence[Outcome], *, rule: PairRule, failures: FailurePolicy, tie: float = 0.0) -> float:
    """The credit of one comparison.

    Args:
        outcomes: Outcomes of one order, or of both.
        rule: Rule that combines two orders (`rightly.metrics.accuracy.pair_values`).
        failures: Credit of a failure.
        tie: Credit of a tie where one order was asked or order plays no part.
    """
    verdicts = [_VERDICTS[value] for value in outcomes]
    if len(verdicts) == 1:
        return float(order_values(["A"], verdicts, failures=failures, tie=tie)[0])
    first, second = verdicts
    return float(pair_values(["A"], [first], [second], rule=rule, failures=failures)[0])


def comparison_credits(
    answer: Answer, *, rule: PairRule, failures: FailurePolicy, tie: float = 0.0, order: int | None = None
) -> list[float]:
    """The credits of all comparisons of an answer; with ``order`` (0 or 1) of that order alone."""

    def picked(outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        return outcomes if order is None or len(outcomes) == 1 else outcomes[order : order + 1]

    return [credit(picked(each), rule=rule, failures=failures, tie=tie) for each in answer.outcomes]


def decided_credits(answer: Answer) -> list[float]:
    """1 for a comparison whose orders add up to right, 0 for wrong; NaN for a tie or a failure in any order."""
    totals = [float("nan") if None in each else sum(value or 0 for value in each) for each in answer.outcomes]
    return [float("nan") if total != total or total == 0 else float(total > 0) for total in totals]


def _decided(answer: Answer) -> list[float]:
    return [mean(np.array(decided_credits(answer)))]


def mean_rows(credits: Credits, domains: Sequence[str], *, macro: bool, named: dict[str, str] | None = None) -> Table:
    """A row a domain and the overall row: over all items, or (``macro``) over the domains' means.

    Args:
        credits: Credits of the items, ``(n, 1)``.
        domains: Domains of the items.
        macro: Whether the overall row is the unweighted mean of the domains.
        named: Names of domains; domains with the same name are pooled.
    """
    names = np.array([(named or {}).get(domain, domain) for domain in domains])
    rows = {str(name): {ACCURACY: mean(credits[names == name, 0])} for name in dict.fromkeys(names.tolist())}
    overall = mean(np.array([row[ACCURACY] for row in rows.values()])) if macro else mean(credits[:, 0])
    return {**rows, OVERALL: {ACCURACY: overall}}


def mean(values: NDArray[np.float64]) -> float:
    """The mean of what is known; NaN where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.sum() / len(known)) if len(known) else float("nan")


def pair_protocols(
    *,
    official: str,
    failures: FailurePolicy,
    tie: float = 0.0,
    macro: bool = False,
    rule: PairRule = "judgebench",
    named: dict[str, str] | None = None,
    drawn: bool = True,
) -> tuple[Protocol, ...]:
    """The official protocol of a benchmark of pairs, and the other conventions that people use.

    Args:
        official: Short description of the official protocol.
        failures: Failure policy of the official protocol.
        tie: Official credit for a tie in one order.
        macro: Whether its overall row is a mean over domains.
        rule: Official rule for two orders.
        named: Names of domains.
        drawn: Whether the data's order of the two responses says nothing of the label, so that one order alone has a meaning.
    """

    def protocol(
        name: str,
        *,
        rule: PairRule = rule,
        failures: FailurePolicy = failures,
        tie: float = tie,
        macro: bool = macro,
        order: int | None = None,
        orders: int = 1,
    ) -> Protocol:
        def credits(answer: Answer) -> list[float]:
            return [mean(np.array(comparison_credits(answer, rule=rule, failures=failures, tie=tie, order=order)))]

        return Protocol(name, credits, partial(mean_rows, macro=macro, named=named), orders)

    rules: dict[PairRule, str] = {
        "failures_wrong": "orders add up, a failure in either is wrong",
        "judgebench": "orders add up (JudgeBench)",
        "both_right": "right in both orders",
        "zero_is_half": "orders add up, 0 is half",
        "per_decision": "mean over single decisions",
    }
    others = [protocol(text, rule=each, orders=2) for each, text in rules.items() if each != rule]
    if drawn:
        orders = enumerate(("stored", "swapped"))
        others += [protocol(f"{text} order only", order=place, orders=2) for place, text in orders]
    others += [protocol(text, tie=value) for value, text in ((0.0, "ties wrong"), (0.5, "ties half")) if value != tie]
    policies: dict[FailurePolicy, str] = {
        "wrong": "failures wrong",
        "half": "failures half",
        "drop": "failures left out",
    }
    others += [protocol(text, failures=each) for each, text in policies.items() if each != failures]
    others.append(Protocol(DROPPED, _decided, partial(mean_rows, macro=macro, named=named)))
    others.append(protocol("mean over items" if macro else "mean over domains", macro=not macro))
    return (protocol(official), *others)
