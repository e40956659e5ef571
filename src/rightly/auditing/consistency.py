"""Rationale consistency and its relatives, for one judgment, from the links between two lists.

With ``R`` the human points, ``S`` the judge's reasons in their order, ``s_ij`` the score of the link between point i
and reason j, and ``pi`` the one-to-one matching that maximises the sum of its scores ("Outcome Accuracy is Not
Enough", 2026, section 3; the equations are cited by name, since the paper numbers few of them)::

    S_total     = sum over (i, j) in pi of s_ij
    consistency = S_total / |R|                                    (the paper's RC of one pair: soft recall)
    precision   = S_total / |S|
    F1          = 2 P R / (P + R)
    AP hard     = sum_k P@k I(k) / |R|,  I(k) = 1 if reason k is matched, P@k = matched among the first k / k
    AP soft     = sum_k P@k I(k) / |R|,  P@k = sum of matched scores among the first k / k

without one-to-one, so that one vague reason can match every point::

    unconstrained      = sum_i max_j s_ij / |R|

and, as the paper's released analysis script computes them: each point i has one link, to its best reason j(i); links to
reasons after the fifth are void (the point keeps none), and a reason that several points chose counts once, with its best
score t_j::

    official recall    = sum over i with a link of s_i,j(i) / |R|
    official precision = sum_j t_j / min(|S|, 5)
    official AP        = sum_m (mean of the first m of the t_j) / |R|,  ranks among the *matched* reasons only

The script leaves out lists of no reason and of more than ten; here they count. A link of score 0 is no link here; the script
counts a reason that is named with score 0 as a matched one in its AP.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rightly.matchers.assignment import assign
from rightly.matchers.base import Link

OFFICIAL_LIST_CAP = 5
"""The official script sees no more reasons than these."""


@dataclass(frozen=True, slots=True)
class ReasonMetrics:
    """The metrics of one judgment; all in [0, 1].

    Attributes:
        consistency: Soft recall under one-to-one (RC).
        precision: ``None`` for an empty list, which has none.
        f1: Harmonic mean of the two; 0 for an empty list.
        ap_hard: Average precision, a match counting 1.
        ap_soft: Average precision, a match counting its score.
        ap_official: The official script's.
        unconstrained: Recall without one-to-one; the official script's for lists of up to five reasons.
        recall_official: The official script's.
        precision_official: The official script's; ``None`` for an empty list.
        score_by_rank: The matched score of every reason, 0 where it is not matched; length ``|S|``.
    """

    consistency: float
    precision: float | None
    f1: float
    ap_hard: float
    ap_soft: float
    ap_official: float
    unconstrained: float
    recall_official: float
    precision_official: float | None
    score_by_rank: tuple[float, ...]


def reason_metrics(n_reference: int, n_candidate: int, links: Sequence[Link]) -> ReasonMetrics:
    """All metrics of one judgment.

    Args:
        n_reference: Human points, at least 1.
        n_candidate: The judge's reasons; may be 0.
        links: All links between them, indices from 0.

    Raises:
        ValueError: No human points, or a link that points outside the lists.
    """
    if n_reference < 1:
        raise ValueError("consistency is undefined without human points")
    for link in links:
        if not (0 <= link.reference < n_reference and 0 <= link.candidate < n_candidate):
            raise ValueError(f"link {link} points outside lists of {n_reference} points and {n_candidate} reasons")
    scores = [0.0] * n_candidate
    for link in assign(links):
        scores[link.candidate] = link.score
    total = sum(scores)
    recall = total / n_reference
    precision = total / n_candidate if n_candidate else None
    chosen = _best_of_each_point(links)
    seen = [link for link in chosen if link.candidate < OFFICIAL_LIST_CAP]
    by_reason = _by_candidate(seen, n_candidate)
    return ReasonMetrics(
        consistency=recall,
        precision=precision,
        f1=2 * precision * recall / (precision + recall) if precision and recall else 0.0,
        ap_hard=average_precision([1.0 if s > 0 else 0.0 for s in scores], n_reference),
        ap_soft=average_precision(scores, n_reference),
        ap_official=average_precision([score for score in by_reason if score > 0], n_reference),
        unconstrained=sum(link.score for link in chosen) / n_reference,
        recall_official=sum(link.score for link in seen) / n_reference,
        precision_official=sum(by_reason) / min(n_candidate, OFFICIAL_LIST_CAP) if n_candidate else None,
        score_by_rank=tuple(scores),
    )


def average_precision(scores: Sequence[float], n_reference: int) -> float:
    """``sum_k P@k I(k) / |R|`` over a list of matched scores by rank, 0 where a reason is not matched.

    >>> average_precision([1, 0, 0, 0, 1], 4)
    0.35
    """
    total, gathered = 0.0, 0.0
    for rank, score in enumerate(scores, start=1):
        gathered += score
        if score > 0:
            total += gathered / rank
    return total / n_reference


def _best_of_each_point(links: Sequence[Link]) -> list[Link]:
    """Every point's best reason, reused at will; of equal scores the earlier reason."""
    best: dict[int, Link] = {}
    for link in sorted(links, key=lambda each: (-each.score, each.candidate)):
        if link.score > 0:
            best.setdefault(link.reference, link)
    return list(best.values())


def _by_candidate(chosen: Sequence[Link], n_candidate: int) -> list[float]:
    scores = [0.0] * n_candidate
    for link in chosen:
        scores[link.candidate] = max(link.score, scores[link.candidate])
    return scores


def favors_agree(verdict: str, favors: Sequence[str | None]) -> bool | None:
    """Whether the verdict follows from the list: most reasons that favor a side favor the verdict's.

    Equal counts agree with a tie only. ``None`` where no reason says whom it favors.
    """
    a, b = favors.count("A"), favors.count("B")
    if a + b == 0:
        return None
    return verdict == ("A" if a > b else "B" if b > a else "tie")
