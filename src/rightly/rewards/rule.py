"""The arithmetic of a reward: from a parsed answer and its links to one number, without any model.

With ``o = 1`` if the verdict is the label, and ``r`` the agreement of the reasons with the human ones
("Outcome Accuracy is Not Enough", 2026, section 4)::

    product     r o                     the paper's R_final, with r = AP
    additive    w o + (1 - w) r         what its ablation warns of: verdicts that contradict their reasons
    gate        o if r >= threshold
    outcome     o                       the usual reward of a generative reward model
    rationale   r

AP ignores all reasons after the last hit; F1 charges every unsupported reason.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from pydantic import Field, model_validator

from rightly.auditing.consistency import ReasonMetrics, reason_metrics
from rightly.judges.parsing import Parsed
from rightly.matchers.assignment import assign
from rightly.matchers.base import Link
from rightly.references import Side
from rightly.types import Choice, Frozen, PreferencePair

Agreement = Literal["ap-hard", "ap-soft", "ap-official", "f1", "f2", "recall", "precision"]
Stance = tuple[Side | None, float]
"""The side that a reason supports, and its weight."""
Fault = Literal["no verdict", "no reasons", "two verdicts"]


class Reference(Frozen):
    """The human judgment of the pair that an answer judges, in the order shown.

    Attributes:
        label: The better response.
        points: The human points.
        weights: Weights of the points, if they differ in importance; one per point, or empty.
    """

    label: Choice
    points: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()

    @classmethod
    def of(cls, pair: PreferencePair) -> "Reference":
        """The label and the rationales of a pair, used as atomic points; with weights if all have an importance.

        Raises:
            ValueError: The pair has no label.
        """
        if pair.label is None:
            raise ValueError(f"pair {pair.id!r} has no label")
        importance = [rationale.importance for rationale in pair.rationales]
        weights = tuple(weight for weight in importance if weight is not None)
        points = tuple(rationale.text for rationale in pair.rationales)
        return cls(label=pair.label, points=points, weights=weights if len(weights) == len(points) else ())


class RewardRule(Frozen):
    """``[reward]``: how verdict and reasons become one number.

    Attributes:
        compose: How outcome and agreement are combined; the default is the paper's.
        agreement: Agreement of the reasons with the human points, on the full list's ranks. ``ap-official`` is the public
            script's. ``f2`` charges a missing point more than an unsupported reason (van Rijsbergen, 1979).
        weight: Weight of the outcome in ``additive``.
        threshold: Least agreement in ``gate``.
        by_importance: Whether points count by their weights, if the data have them (all agreements but ``ap-official``).
        follow: Share of the reward lost if the verdict does not follow from its reasons, by their weight: 1 takes all, 0
            nothing. No verdict follows from a list that does not state which side it favors.
        verdict: ``explicit`` uses the explicit verdict; ``reasons`` uses the side with the weightier reasons and ignores the
            explicit one.
        point_cost: Deduction from the agreement for every reason that matches no point; the agreement stays at least 0.
        token_cost: Deduction from the reward for every token of the answer.
        max_reasons: Number of reasons to which the list is truncated before matching; ``None`` keeps all.
    """

    compose: Literal["product", "additive", "gate", "outcome", "rationale"] = "product"
    agreement: Agreement = "ap-hard"
    weight: float = Field(default=0.5, ge=0, le=1)
    threshold: float = Field(default=0.5, ge=0, le=1)
    by_importance: bool = False
    follow: float = Field(default=0.0, ge=0, le=1)
    verdict: Literal["explicit", "reasons"] = "explicit"
    point_cost: float = Field(default=0.0, ge=0)
    token_cost: float = Field(default=0.0, ge=0)
    max_reasons: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _has_weights(self) -> "RewardRule":
        if self.by_importance and self.agreement == "ap-official":
            raise ValueError("the public script's average precision (ap-official) does not support importance weights")
        return self

    def needs_match(self, outcome: float) -> bool:
        """Whether the reward depends on matching the reasons; a product with 0 needs no matcher."""
        return self.compose in ("additive", "rationale") or (self.compose in ("product", "gate") and outcome > 0)


class Read(NamedTuple):
    """A parsed answer as input of a reward, before any matching.

    Attributes:
        verdict: Verdict that counts; ``None`` with a fault.
        reasons: Reasons to match, in order.
        follows: Whether the explicit verdict follows from the list; ``None`` if the list does not state it.
        fault: Fault of the policy, whose reward is 0.
    """

    verdict: Choice | None
    reasons: tuple[str, ...]
    follows: bool | None
    fault: Fault | None


class Graded(NamedTuple):
    """One answer's reward and its components.

    Attributes:
        reward: The reward; ``None`` if the grader failed, in which case the answer should be excluded.
        outcome: 1 if the verdict is the label, else 0.
        read: The parsed answer.
        metrics: Metrics of the reasons against the points; ``None`` without a match.
        detail: Reason of the grader's failure.
        transient: Whether only the request failed, so that a retry may succeed.
    """

    reward: float | None
    outcome: float
    read: Read
    metrics: ReasonMetrics | None = None
    detail: str = ""
    transient: bool = False


def read_answer(parsed: Parsed, stances: Sequence[Stance], stated: Sequence[Choice], rule: RewardRule) -> Read:
    """Read an answer as input of a reward, or name its fault.

    Args:
        parsed: Reasons and last verdict of the answer.
        stances: Side and weight of each reason.
        stated: Every verdict in the answer; two different ones are a fault.
        rule: Rule of the reward.
    """
    kept = parsed.rationales[: rule.max_reasons]
    reasons = tuple(rationale.text for rationale in kept)
    stances = stances[: rule.max_reasons]
    from_reasons = verdict_from_reasons(stances)
    says = any(side is not None for side, _ in stances)
    follows = parsed.verdict == from_reasons if says and parsed.verdict is not None else None
    if parsed.verdict is None:
        return Read(None, reasons, follows, "no verdict")
    if len(set(stated)) > 1:
        return Read(None, reasons, follows, "two verdicts")
    if not reasons and rule.compose != "outcome":
        return Read(None, reasons, follows, "no reasons")
    return Read(parsed.verdict if rule.verdict == "explicit" else from_reasons, reasons, follows, None)


def verdict_from_reasons(stances: Sequence[Stance]) -> Choice:
    """The side with the weightier reasons; a tie where they balance.

    >>> verdict_from_reasons([("A", 1.0), (None, 1.0), ("B", 3.0), ("A", 1.0)])
    'B'
    """
    balance = sum(weight if side == "A" else -weight for side, weight in stances if side is not None)
    return "A" if balance > 0 else "B" if balance < 0 else "tie"


def outcome_of(read: Read, reference: Reference) -> float:
    """1 if the verdict is the label, else 0; a fault is wrong, and so is a tie if people preferred one response."""
    return float(read.fault is None and read.verdict == reference.label)


def reward_of(
    rule: RewardRule, read: Read, reference: Reference, links: Sequence[Link] | None, tokens: int = 0
) -> Graded:
    """Compute the reward of an answer.

    Args:
        rule: Rule of the reward.
        read: The parsed answer.
        reference: Human label and points.
        links: Links of the matcher; ``None`` if it was not called, which is valid only if `RewardRule.needs_match` is false.
        tokens: Length of the answer in tokens.
    """
    outcome = outcome_of(read, reference)
    cost = rule.token_cost * tokens
    if read.fault is not None:
        return Graded(0.0 - cost, 0.0, read)
    metrics = None if links is None else reason_metrics(len(reference.points), len(read.reasons), links)
    agreed = 0.0 if links is None else agreement(rule, reference, len(read.reasons), links)
    reward = {
        "outcome": outcome,
        "rationale": agreed,
        "product": agreed * outcome,
        "additive": rule.weight * outcome + (1 - rule.weight) * agreed,
        "gate": outcome * (agreed >= rule.threshold),
    }[rule.compose]
    if not read.follows:
        reward *= 1 - rule.follow
    return Graded(reward - cost, outcome, read, metrics)


def agreement(rule: RewardRule, reference: Reference, n_reasons: int, links: Sequence[Link]) -> float:
    """Agreement of the reasons with the human points, less the cost of unsupported ones; in [0, 1]."""
    n = len(reference.points)
    if rule.by_importance and reference.weights:
        found = _weighted(rule.agreement, reference.weights, n_reasons, links)
    else:
        metrics = reason_metrics(n, n_reasons, links)
        found = {
            "ap-hard": metrics.ap_hard,
            "ap-soft": metrics.ap_soft,
            "ap-official": metrics.ap_official,
            "f1": metrics.f1,
            "f2": f_measure(metrics.precision or 0.0, metrics.consistency, 2),
            "recall": metrics.consistency,
            "precision": metrics.precision or 0.0,
        }[rule.agreement]
    unsupported = n_reasons - len(assign(links))
    return max(found - rule.point_cost * unsupported, 0.0)


def f_measure(precision: float, recall: float, beta: int) -> float:
    """The F measure; recall counts ``beta`` times as much as precision.

    >>> f_measure(0.5, 1.0, 1), f_measure(0.5, 1.0, 2)
    (0.6666666666666666, 0.8333333333333334)
    """
    if not precision or not recall:
        return 0.0
    return (1 + beta**2) * precision * recall / (beta**2 * precision + recall)


def _weighted(kind: Agreement, weights: Sequence[float], n_reasons: int, links: Sequence[Link]) -> float:
    """The agreement with weighted points: recall of weight, and an AP whose hits earn their weight."""
    resolved = assign([link.model_copy(update={"score": link.score * weights[link.reference]}) for link in links])
    best = {(link.reference, link.candidate): link.score for link in sorted(links, key=lambda each: each.score)}
    total = sum(weights)
    hits = {link.candidate: (best[link.reference, link.candidate], weights[link.reference]) for link in resolved}
    recall = sum(score * weight for score, weight in hits.values()) / total
    precision = sum(score for score, _ in hits.values()) / n_reasons
    if kind == "recall":
        return recall
    if kind == "precision":
        return precision
    if kind in ("f1", "f2"):
        return f_measure(precision, recall, int(kind[1]))
    gathered, earned = 0.0, 0.0
    for rank in range(n_reasons):
        score, weight = hits.get(rank, (0.0, 0.0))
        score = float(score > 0) if kind == "ap-hard" else score
        gathered += score
        earned += weight * gathered / (rank + 1) if score else 0.0
    return earned / total
