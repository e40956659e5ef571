"""The data model of an audit's result, written by the scoring and read by the reports.

``audit.json`` holds one `AuditResult`; ``items.jsonl`` one `Item` for each pair, for the browser of the report.
"""

from pydantic import Field

from rightly.judges.confidence import Confidence
from rightly.matchers.base import Link
from rightly.metrics.estimate import UNTESTED, Estimate, Tested
from rightly.types import Choice, FailureKind, Frozen, Order, Usage


class Position(Frozen):
    """Effect of the order of presentation, over pairs judged in both orders without failure.

    Attributes:
        n: Number of such pairs.
        consistency: Share of pairs with the same verdict in both orders.
        first_slot: Share of verdicts that chose the response shown first.
        second_slot: Share of verdicts that chose the response shown second.
        lean: Difference ``first_slot`` minus ``second_slot``, tested over contexts.
    """

    n: int
    consistency: float | None
    first_slot: float | None
    second_slot: float | None
    lean: Tested = UNTESTED


class RankPrecision(Frozen):
    """Precision at one place of the judge's list.

    Attributes:
        rank: Rank in the list, from 1.
        n: Number of lists with a reason at this rank.
        matched: Share of these reasons that is matched (score above 0) under one-to-one.
        score: Mean matched score at this rank.
    """

    rank: int
    n: int
    matched: float
    score: float


class LengthRow(Frozen):
    """Accuracy among pairs whose label agrees, or disagrees, with "the longer response is better"."""

    longer_is_better: bool
    n: int
    accuracy: float | None
    chose_longer: float | None


class ExplanationFigures(Frozen):
    """R-Align's figures (2602.06763) of a judge whose reasons another judge compared with a golden explanation.

    Attributes:
        label_accuracy: Right verdicts over all labelled pairs; a failed answer of any kind is not right.
        spurious_correctness: S-Corr: incorrect reasons among right verdicts with correct or incorrect reasons.
        fidelity: F: right verdicts with correct reasons over the labelled pairs on which the other judge did not fail.
    """

    label_accuracy: Estimate
    spurious_correctness: Estimate
    fidelity: Estimate


class JudgeResult(Frozen):
    """All results of an audit for one judge.

    Consistency figures are means over pairs; a pair judged in both orders counts with the mean of the two. A judge's
    own failure (unparsed, refused, truncated) is a wrong verdict with consistency 0 in its order, and its pair is not
    right. A ``provider`` failure, a failed match and unread reasons are excluded and counted.

    Attributes:
        judge: Name of the judge.
        n_pairs: Number of pairs given to the judge.
        n_judgments: Number of judgments (two for a pair judged in both orders).
        failures: Number of failed judgments by kind.
        match_failures: Number of failed matches.
        unread: Number of verdicts whose reasons could not be read, by cause; they are excluded from consistency.
        repaired: Number of judgments whose JSON had to be repaired.
        accuracy: Outcome accuracy by the pair rule: right verdicts of a pair outnumber wrong ones and own failures
            (`rightly.metrics.accuracy.pair_values`, rule ``failures_wrong``); a tie on a labelled pair is wrong.
        accuracy_judgebench: Outcome accuracy by JudgeBench's rule: after a failure in one order the other one decides.
        accuracy_each_order: Mean accuracy of single judgments.
        both_right: Share of pairs that are right in both orders; ``None`` for a judge with one order.
        consistency: Rationale consistency (RC): soft recall of the human points under one-to-one matching.
        unconstrained: Soft recall without one-to-one; the official scripts' recall for lists of up to five reasons.
        precision: Soft precision of the judge's list under one-to-one.
        f1: Mean of the per-list F1.
        ap_hard: Average precision with true ranks, in which a matched reason counts 1.
        ap_soft: Average precision with true ranks, in which a matched reason counts its score.
        recall_official: Recall of the official scripts, as are the next three: over lists of one to ten reasons whose match
            did not fail, links to reasons after the fifth void.
        precision_official: Precision of the official scripts.
        f1_official: Mean of the per-list F1 of the official scripts.
        ap_official: Average precision of the official scripts (ranks among the named reasons).
        spurious: Share of right verdicts whose consistency is below ``AuditResult.spurious_below``.
        consistency_right: Consistency among right verdicts.
        consistency_wrong: Consistency among wrong verdicts.
        grounded_accuracy: Share of matched pairs with a right verdict and consistency at or above the threshold.
        self_consistency: Share of lists whose majority of "favors" agrees with the verdict, among lists that state it.
        list_length: Mean number of reasons.
        position: Effect of the order of presentation.
        precision_by_rank: Precision by rank in the list.
        by_length: Accuracy by whether the longer response is better.
        length_lean: Accuracy where the longer response is better minus accuracy where the shorter one is, tested over
            contexts.
        by_domain: Accuracy and consistency for each domain, by name.
        groups_accuracy: Letters; judges with a common letter do not differ significantly in accuracy (Holm, 5%).
        groups_consistency: Letters; judges with a common letter do not differ significantly in consistency.
        usage: Billed tokens of judging.
        cost: Cost in dollars, if the prices are known.
        confidence: How far the judge's confidence can be trusted; ``None`` for a judge that states no preference.
        note: One line that readers must know about this judge (a held-out annotator, a fixed reason).
        person: Whether the judge is a held-out annotator of each pair.
        explanations: Figures of the judgments' ``rationale_verdict``; ``None`` if no judgment has one.
    """

    judge: str
    n_pairs: int
    n_judgments: int
    failures: dict[FailureKind, int]
    match_failures: int
    unread: dict[str, int] = Field(default_factory=dict)
    repaired: int = 0
    accuracy: Estimate
    accuracy_judgebench: Estimate
    accuracy_each_order: Estimate
    both_right: float | None
    consistency: Estimate
    unconstrained: Estimate
    precision: Estimate
    f1: Estimate
    ap_hard: Estimate
    ap_soft: Estimate
    recall_official: Estimate
    precision_official: Estimate
    f1_official: Estimate
    ap_official: Estimate
    spurious: Estimate
    consistency_right: Estimate
    consistency_wrong: Estimate
    grounded_accuracy: Estimate
    self_consistency: Estimate
    list_length: float | None
    position: Position
    precision_by_rank: tuple[RankPrecision, ...]
    by_length: tuple[LengthRow, ...]
    length_lean: Tested = UNTESTED
    by_domain: dict[str, tuple[Estimate, Estimate]]
    groups_accuracy: str = ""
    groups_consistency: str = ""
    usage: Usage = Usage()
    cost: float | None = None
    confidence: Confidence | None = None
    note: str = ""
    person: bool = False
    explanations: ExplanationFigures | None = None


class PairedTest(Frozen):
    """Paired test of two judges on the same pairs.

    P-values are Holm-adjusted over all pairs of judges, and each interval has the level at which Holm tests its row: it
    leaves out 0 exactly where the adjusted p-value is below 0.05.

    Attributes:
        first, second: Names of the judges.
        n: Number of pairs that both judged.
        only_first, only_second: Number of pairs that only one of them got right.
        accuracy_difference: Accuracy of the first minus that of the second, with its interval.
        p_accuracy: Adjusted p-value for no difference in accuracy.
        consistency_difference: Consistency of the first minus that of the second, with its interval.
        p_consistency: Adjusted p-value for no difference in consistency.
        needed_n: Number of such pairs that would detect the observed accuracy difference with 80% power.
    """

    first: str
    second: str
    n: int
    only_first: int
    only_second: int
    accuracy_difference: Estimate
    p_accuracy: float | None
    consistency_difference: Estimate
    p_consistency: float | None
    needed_n: int | None


class AuditResult(Frozen):
    """Result of one audit.

    Attributes:
        source: Source of the pairs (file, hub id, sample).
        n_pairs: Number of audited pairs.
        n_labelled: Number of pairs with a label that is not a tie.
        n_with_rationales: Number of pairs with human reasons.
        n_points: Total number of human points.
        atomiser: Name of the atomiser; ``"given"`` if the lists were used unchanged.
        matcher: Name of the matcher.
        matcher_smoke_only: Whether the matcher is for smoke tests only.
        reliability: Result lines of `matcher-check` for the matcher; empty if it was not measured.
        carries_ranking: Whether the matcher is reliable enough to rank judges; ``None`` if that was not measured.
        max_reasons: Number of reasons to which a judge's list is truncated before matching.
        spurious_below: Consistency below which a right verdict is right for the wrong reasons.
        judges: Results of each judge, in the order given.
        tests: Paired tests of every two judges.
        agreement: Krippendorff's alpha (nominal) between the judges' pair verdicts; ``None`` with one judge.
        human_agreement: Krippendorff's alpha (nominal) between the human votes behind the labels; ``None`` without votes.
        notes: Lines that the report must print.
        version: Version of Rightly.
    """

    source: str
    n_pairs: int
    n_labelled: int
    n_with_rationales: int
    n_points: int
    atomiser: str
    matcher: str
    matcher_smoke_only: bool
    reliability: tuple[str, ...]
    max_reasons: int
    spurious_below: float
    judges: tuple[JudgeResult, ...]
    tests: tuple[PairedTest, ...]
    agreement: float | None
    human_agreement: float | None
    notes: tuple[str, ...]
    version: str
    carries_ranking: bool | None = None


class ItemJudgment(Frozen):
    """One judgment in the item browser; indices of ``links`` refer to the lists shown.

    Attributes:
        reasons: Judge's reasons, in the names of the stored pair, truncated as for matching.
        links: All links of the matcher.
        resolved: Links of the one-to-one assignment.
        metrics: Values by name (``consistency``, ``precision``, ...); empty without a match.
    """

    judge: str
    order: Order
    verdict: Choice | None
    failure: FailureKind | None
    detail: str
    right: bool | None
    reasons: tuple[str, ...]
    links: tuple[Link, ...]
    resolved: tuple[Link, ...]
    metrics: dict[str, float | None]


class Item(Frozen):
    """One pair in the item browser."""

    pair_id: str
    domain: str | None
    context: str
    responses: tuple[str, ...]
    label: Choice | None
    votes: tuple[Choice, ...]
    points: tuple[str, ...]
    judgments: tuple[ItemJudgment, ...]
