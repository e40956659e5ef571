"""Compute the table of an audit from scored judgments: means over pairs, their intervals, and tests between judges."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from rightly.auditing.consistency import official_list
from rightly.auditing.result import ExplanationFigures, JudgeResult, LengthRow, Position, RankPrecision
from rightly.auditing.scoring import ScoredJudgment
from rightly.inference.account import Price
from rightly.judges.confidence import Confidence, judge_confidence, told
from rightly.metrics.accuracy import combine_orders, pair_values
from rightly.metrics.clustered import clustered_mean, difference_of_groups, paired_difference
from rightly.metrics.estimate import UNTESTED, Estimate, Tested
from rightly.metrics.position import position_bias
from rightly.types import Choice, FailureKind, Usage

Values = dict[str, float | None]
"""A value for each pair, by pair id; ``None`` for a pair without one."""


class JudgmentsByPair:
    """One judge's scored judgments, arranged by pair.

    Args:
        name: Name of the judge.
        scored: All scored judgments of the judge.
    """

    def __init__(self, name: str, scored: Sequence[ScoredJudgment]) -> None:
        self.name, self.scored = name, scored
        self.by_pair: dict[str, list[ScoredJudgment]] = {}
        for each in scored:
            self.by_pair.setdefault(each.pair.id, []).append(each)
        # A pair without a context is its own cluster.
        self.clusters = {e.pair.id: e.pair.context_key if e.pair.context else e.pair.id for e in scored}
        self.verdicts: dict[str, Choice | None] = {pair_id: _verdict(both) for pair_id, both in self.by_pair.items()}

    def right(self) -> Values:
        """Correctness by the pair rule, 1 or 0; ``None`` if the pair has no side as label or every request failed."""
        return {pair_id: self._pair_right(pair_id, both) for pair_id, both in self.by_pair.items()}

    def _pair_right(self, pair_id: str, both: Sequence[ScoredJudgment]) -> float | None:
        if all(each.right is None for each in both):
            return None
        return float(self.verdicts[pair_id] == both[0].pair.label)

    def right_by_judgebench(self) -> Values:
        """Correctness by JudgeBench's rule: if one of two orders failed, the other one decides."""
        values = self.right()
        for pair_id, both in self.by_pair.items():
            label, said = both[0].pair.label, _asked(both)
            if values[pair_id] is not None and label is not None and len(said) == 2:
                values[pair_id] = float(
                    pair_values([label], said[:1], said[1:], rule="judgebench", failures="wrong")[0]
                )
        return values

    def mean_over_orders(self, value: Callable[[ScoredJudgment], float | bool | None]) -> Values:
        """The mean of a value over a pair's orders, excluding orders without a value."""
        means: Values = {}
        for pair_id, both in self.by_pair.items():
            known = [float(v) for v in map(value, both) if v is not None]
            means[pair_id] = fmean(known) if known else None
        return means

    def metric(self, name: str) -> Values:
        """A metric of `ReasonMetrics` for each pair."""
        return self.mean_over_orders(lambda each: getattr(each.metrics, name) if each.metrics else None)

    def official(self, name: str) -> Values:
        """A metric of the official script for each pair whose list the script counts."""
        return self.mean_over_orders(
            lambda each: (
                getattr(each.metrics, name) if each.metrics and official_list(len(each.judgment.rationales)) else None
            )
        )

    def estimate(self, values: Mapping[str, float | None]) -> Estimate:
        """The mean over pairs with its interval, contexts as the unit."""
        known = {pair_id: value for pair_id, value in values.items() if value is not None}
        return Estimate.of(clustered_mean(list(known.values()), [self.clusters[pair_id] for pair_id in known]))


def judge_result(view: JudgmentsByPair, *, spurious_below: float, price: Price | None, note: str) -> JudgeResult:
    """One row of the table of judges (without the letters, which need the other rows)."""
    right, consistency = view.right(), view.metric("consistency")
    usage = sum((each.judgment.usage for each in view.scored), Usage())
    lists = [each for each in view.scored if each.judgment.failure is None]
    return JudgeResult(
        judge=view.name,
        n_pairs=len(view.by_pair),
        n_judgments=len(view.scored),
        failures=_failures(view.scored),
        match_failures=sum(each.match_failed for each in view.scored),
        unread=dict(Counter(each.unread for each in view.scored if each.unread and each.points)),
        repaired=sum(each.judgment.repaired for each in view.scored),
        accuracy=view.estimate(right),
        accuracy_judgebench=view.estimate(view.right_by_judgebench()),
        accuracy_each_order=view.estimate(view.mean_over_orders(lambda each: each.right)),
        both_right=_both_right(view),
        consistency=view.estimate(consistency),
        unconstrained=view.estimate(view.metric("unconstrained")),
        precision=view.estimate(view.metric("precision")),
        f1=view.estimate(view.metric("f1")),
        ap_hard=view.estimate(view.metric("ap_hard")),
        ap_soft=view.estimate(view.metric("ap_soft")),
        recall_official=view.estimate(view.official("recall_official")),
        precision_official=view.estimate(view.official("precision_official")),
        f1_official=view.estimate(view.official("f1_official")),
        ap_official=view.estimate(view.official("ap_official")),
        spurious=view.estimate(_where(consistency, right, 1.0, lambda value: float(value < spurious_below))),
        consistency_right=view.estimate(_where(consistency, right, 1.0)),
        consistency_wrong=view.estimate(_where(consistency, right, 0.0)),
        grounded_accuracy=view.estimate(_grounded_accuracy(right, consistency, spurious_below)),
        self_consistency=view.estimate(view.mean_over_orders(lambda each: each.self_consistent)),
        list_length=fmean(len(each.reasons) for each in lists) if lists else None,
        position=_position(view),
        precision_by_rank=_precision_by_rank(view.scored),
        by_length=_by_length(view, right),
        length_lean=_length_lean(view, right),
        by_domain=_by_domain(view, right, consistency),
        usage=usage,
        cost=None if price is None else price.of(usage),
        confidence=_confidence(view),
        note=note,
        explanations=_explanations(view),
    )


def _confidence(view: JudgmentsByPair) -> Confidence | None:
    labelled = [(both[0].pair.label, both) for both in view.by_pair.values() if both[0].pair.label in ("A", "B")]
    return judge_confidence([told(str(label), [each.judgment for each in both]) for label, both in labelled])


def _verdict(both: Sequence[ScoredJudgment]) -> Choice | None:
    said = _asked(both)
    return combine_orders(said[0], said[1]) if len(said) == 2 else said[0] if said else None


def _asked(both: Sequence[ScoredJudgment]) -> list[Choice | None]:
    """The verdicts of the orders whose request succeeded; ``None`` for the judge's own failures."""
    return [each.judgment.verdict for each in both if each.judgment.failure != "provider"]


def _failures(scored: Sequence[ScoredJudgment]) -> dict[FailureKind, int]:
    counts: dict[FailureKind, int] = {}
    for each in scored:
        if each.judgment.failure is not None:
            counts[each.judgment.failure] = counts.get(each.judgment.failure, 0) + 1
    return counts


def _both_right(view: JudgmentsByPair) -> float | None:
    twice = [both for both in view.by_pair.values() if len(both) == 2 and all(each.right is not None for each in both)]
    return fmean(all(each.right for each in both) for both in twice) if twice else None


def _where(
    values: Values, right: Values, wanted: float, change: Callable[[float], float] = lambda value: value
) -> Values:
    """The values of the pairs whose verdict is right (``wanted`` 1) or wrong (0)."""
    return {
        pair_id: change(value) for pair_id, value in values.items() if value is not None and right[pair_id] == wanted
    }


def _grounded_accuracy(right: Values, consistency: Values, spurious_below: float) -> Values:
    return {
        pair_id: float(bool(right[pair_id]) and value >= spurious_below)
        for pair_id, value in consistency.items()
        if value is not None and right[pair_id] is not None
    }


def _explanations(view: JudgmentsByPair) -> ExplanationFigures | None:
    if all(each.judgment.rationale_verdict is None for each in view.scored):
        return None

    def right(each: ScoredJudgment) -> bool | None:
        return None if each.pair.label in (None, "tie") else each.judgment.verdict == each.pair.label

    def spurious(each: ScoredJudgment) -> bool | None:
        said = each.judgment.rationale_verdict
        return said == "incorrect" if right(each) and said in ("correct", "incorrect") else None

    def faithful(each: ScoredJudgment) -> bool | None:
        said, ok = each.judgment.rationale_verdict, right(each)
        return None if ok is None or said == "failed" else ok and said == "correct"

    return ExplanationFigures(
        label_accuracy=view.estimate(view.mean_over_orders(right)),
        spurious_correctness=view.estimate(view.mean_over_orders(spurious)),
        fidelity=view.estimate(view.mean_over_orders(faithful)),
    )


def _position(view: JudgmentsByPair) -> Position:
    said = {p: {each.judgment.order: each.judgment.verdict for each in both} for p, both in view.by_pair.items()}
    twice = {pair_id: each for pair_id, each in said.items() if len(each) == 2 and None not in each.values()}
    found = position_bias([each["AB"] for each in twice.values()], [each["BA"] for each in twice.values()])
    first, second = ([((v["AB"] == a) + (v["BA"] == b)) / 2 for v in twice.values()] for a, b in ("AB", "BA"))
    if not found.n:
        return Position(n=0, consistency=None, first_slot=None, second_slot=None)
    return Position(
        n=found.n,
        consistency=found.consistency,
        first_slot=found.first_slot_rate,
        second_slot=found.second_slot_rate,
        lean=Tested.of(paired_difference(first, second, [view.clusters[pair_id] for pair_id in twice])),
    )


def _precision_by_rank(scored: Sequence[ScoredJudgment]) -> tuple[RankPrecision, ...]:
    lists = [each.metrics.score_by_rank for each in scored if each.metrics is not None]
    rows = []
    for rank in range(max(map(len, lists), default=0)):
        there = [scores[rank] for scores in lists if len(scores) > rank]
        rows.append(RankPrecision(rank=rank + 1, n=len(there), matched=fmean(s > 0 for s in there), score=fmean(there)))
    return tuple(rows)


def _longer(view: JudgmentsByPair, right: Values) -> dict[str, tuple[Choice, bool]]:
    """The longer response of each pair that counts in accuracy, and whether it is the better one."""
    found: dict[str, tuple[Choice, bool]] = {}
    for pair_id, both in view.by_pair.items():
        a, b = map(len, both[0].pair.responses[:2])
        if right[pair_id] is not None and a != b:
            longer = "A" if a > b else "B"
            found[pair_id] = longer, both[0].pair.label == longer
    return found


def _length_lean(view: JudgmentsByPair, right: Values) -> Tested:
    found = _longer(view, right)
    if not found:
        return UNTESTED
    values, clusters = [right[pair_id] or 0.0 for pair_id in found], [view.clusters[pair_id] for pair_id in found]
    return Tested.of(difference_of_groups(values, [better for _, better in found.values()], clusters))


def _by_length(view: JudgmentsByPair, right: Values) -> tuple[LengthRow, ...]:
    groups: dict[bool, list[tuple[float, bool]]] = {True: [], False: []}
    for pair_id, (longer, better) in _longer(view, right).items():
        groups[better].append((right[pair_id] or 0.0, view.verdicts[pair_id] == longer))
    return tuple(
        LengthRow(
            longer_is_better=longer_is_better,
            n=len(rows),
            accuracy=fmean(ok for ok, _ in rows) if rows else None,
            chose_longer=fmean(chose for _, chose in rows) if rows else None,
        )
        for longer_is_better, rows in groups.items()
    )


def _by_domain(view: JudgmentsByPair, right: Values, consistency: Values) -> dict[str, tuple[Estimate, Estimate]]:
    domains = sorted({each.pair.domain for each in view.scored if each.pair.domain is not None})
    rows = {}
    for domain in domains if len(domains) > 1 else ():
        inside = {pair_id for pair_id, both in view.by_pair.items() if both[0].pair.domain == domain}
        rows[domain] = (
            view.estimate({p: v for p, v in right.items() if p in inside}),
            view.estimate({p: v for p, v in consistency.items() if p in inside}),
        )
    return rows
