"""The shape of an audit's result: what the arithmetic writes and the reports read.

``audit.json`` holds one `AuditResult`; ``items.jsonl`` one `Item` for each pair, for the browser of the report.
"""

from rightly.matchers.base import Link
from rightly.metrics.estimate import UNTESTED, Estimate, Tested
from rightly.types import Choice, FailureKind, Frozen, Order, Usage


class Position(Frozen):
    """What the order of presentation did, over pairs judged in both orders without failure.

    Attributes:
        n: Such pairs.
        consistency: Share with the same verdict in both orders.
        first_slot: Share of all their verdicts that chose the response shown first.
        second_slot: Share that chose the one shown second.
        lean: ``first_slot`` minus ``second_slot``, tested over contexts.
    """

    n: int
    consistency: float | None
    first_slot: float | None
    second_slot: float | None
    lean: Tested = UNTESTED


class RankPrecision(Frozen):
    """Precision at one place of the judge's list.

    Attributes:
        rank: From 1.
        n: Lists that have a reason at this rank.
        matched: Share of them that is matched (score above 0) under one-to-one.
        score: Mean matched score there.
    """

    rank: int
    n: int
    matched: float
    score: float


class LengthRow(Frozen):
    """Accuracy among pairs where the label agrees, or not, with "the longer response is better"."""

    longer_is_better: bool
    n: int
    accuracy: float | None
    chose_longer: float | None


class JudgeResult(Frozen):
    """Everything an audit says of one judge.

    Consistency figures are means over pairs; a pair judged in both orders counts with the mean of the two. A judge's
    own failure (unparsed, refused, truncated) is a wrong verdict with consistency 0 in its order, and its pair is not
    right; a ``provider`` failure and a failed match are left out and counted.

    Attributes:
        judge: Name.
        n_pairs: Pairs it was given.
        n_judgments: Judgments made of them (both orders count twice).
        failures: How many judgments failed, by kind.
        match_failures: How many matches failed.
        accuracy: Outcome accuracy by the pair rule: right verdicts of a pair outnumber wrong ones and own failures
            (`rightly.metrics.accuracy.pair_values`, rule ``failures_wrong``); a tie on a labelled pair is wrong.
        accuracy_judgebench: The same by JudgeBench's rule, where a failure in one order leaves the other to decide.
        accuracy_each_order: Mean of the single judgments' accuracy.
        both_right: Share of pairs right in both orders; ``None`` for a judge with one order.
        consistency: Rationale consistency (RC): soft recall of the human points under one-to-one matching.
        unconstrained: The same without one-to-one; the official scripts' recall for lists of up to five reasons.
        precision: Soft precision of the judge's list under one-to-one.
        f1: Mean of the per-list F1.
        ap_hard: Average precision with true ranks, a matched reason counting 1.
        ap_soft: The same, a matched reason counting its score.
        ap_official: As the official scripts compute it (ranks among matched reasons, of the first five only).
        spurious: Among right verdicts, the share whose consistency is below ``AuditResult.spurious_below``.
        consistency_right: Consistency among right verdicts.
        consistency_wrong: Consistency among wrong verdicts.
        grounded_accuracy: Right verdict with consistency at or above the threshold, over all pairs that could be matched.
        self_consistency: Share of lists whose majority of "favors" agrees with the verdict, where reasons say so.
        list_length: Mean number of reasons.
        position: What the order did.
        precision_by_rank: By place in the list.
        by_length: Length against accuracy.
        length_lean: Accuracy where the longer response is better minus accuracy where the shorter one is, tested over
            contexts.
        by_domain: Accuracy and consistency for each domain, by name.
        groups_accuracy: Letters; judges that share one cannot be told apart on accuracy (Holm, 5%).
        groups_consistency: The same for consistency.
        usage: Tokens billed for judging.
        cost: Money, where prices are known.
        note: One line that readers must know about this judge (a person held out, a canned reason).
    """

    judge: str
    n_pairs: int
    n_judgments: int
    failures: dict[FailureKind, int]
    match_failures: int
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
    note: str = ""


class PairedTest(Frozen):
    """Two judges on the same pairs.

    P-values are Holm-adjusted over all pairs of judges, and each interval has the level at which Holm tests its row: it
    leaves out 0 exactly where the adjusted p-value is below 0.05.

    Attributes:
        first, second: Judge names.
        n: Pairs that both judged.
        only_first, only_second: Pairs that only one of them got right.
        accuracy_difference: Accuracy of the first minus that of the second, with its interval.
        p_accuracy: That it is 0, adjusted.
        consistency_difference: The same of consistency.
        p_consistency: That it is 0, adjusted.
        needed_n: Pairs of this kind that would tell the two accuracies apart with 80% power, as they now look.
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
    """One audit.

    Attributes:
        source: What was audited (file, hub id, sample).
        n_pairs: Pairs audited.
        n_labelled: Of these, with a label that is not a tie.
        n_with_rationales: Of these, with human reasons.
        n_points: Human points in all.
        atomiser: What split the human feedback; ``"given"`` when the lists were used as they came.
        matcher: Name of the matcher.
        matcher_smoke_only: The matcher only shows that the pipeline runs.
        reliability: What `matcher-check` says of the matcher, a few lines; empty when it was not measured.
        carries_ranking: Whether that is enough to rank judges by consistency; ``None`` when it was not measured.
        max_reasons: The judge's list is cut to so many reasons before matching.
        spurious_below: A right verdict with a consistency below this is right for the wrong reasons.
        judges: A row for each judge, in the order given.
        tests: Paired tests, every two judges.
        agreement: Krippendorff's alpha (nominal) between the judges' pair verdicts; ``None`` with one judge.
        human_agreement: The same between the human votes behind the labels; ``None`` where there are none.
        notes: Lines that the report must print.
        version: Of Rightly.
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
    """One judgment in the browser of items; indices of ``links`` point into the lists shown.

    Attributes:
        reasons: The judge's points, in the names of the stored pair, cut as they were matched.
        links: All links that the matcher gave.
        resolved: Those of the one-to-one assignment.
        metrics: Values by name (``consistency``, ``precision``, ...); empty when nothing was matched.
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
    """One pair in the browser of items."""

    pair_id: str
    domain: str | None
    context: str
    responses: tuple[str, ...]
    label: Choice | None
    votes: tuple[Choice, ...]
    points: tuple[str, ...]
    judgments: tuple[ItemJudgment, ...]
