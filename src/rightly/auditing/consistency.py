"""Rationale consistency and related metrics of one judgment, from the links between two lists.

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
    official F1        = 2 P R / (P + R) of these two
    official AP        = sum_m (mean of the first m of the t_j) / |R|,  ranks among the *named* reasons only

The script excludes lists without reasons and with more than ten (`official_list`); here they count. A link with score 0 is
no link in our metrics; in the official AP a reason that is named with score 0 takes a rank, as in the script.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from rightly.matchers.assignment import assign
from rightly.matchers.base import Link

OFFICIAL_LIST_CAP = 5
"""Number of reasons that the official script reads."""
_OFFICIAL_LONGEST = 10


@dataclass(frozen=True, slots=True)
class ReasonMetrics:
    """The metrics of one judgment, all in [0, 1].

    Attributes:
        consistency: Soft recall under one-to-one (RC).
        precision: Soft precision under one-to-one; ``None`` for an empty list.
        f1: Harmonic mean of consistency and precision; 0 for an empty list.
        ap_hard: Average precision in which a match counts 1.
        ap_soft: Average precision in which a match counts its score.
        ap_official: Average precision of the official script.
        unconstrained: Recall without one-to-one; equal to the official script's for lists of up to five reasons.
        recall_official: Recall of the official script.
        precision_official: Precision of the official script; ``None`` for an empty list.
        f1_official: Harmonic mean of the two; 0 for an empty list.
        score_by_rank: Matched score of every reason, 0 for an unmatched one; length ``|S|``.
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
    f1_official: float
    score_by_rank: tuple[float, ...]


def reason_metrics(n_reference: int, n_candidate: int, links: Sequence[Link]) -> ReasonMetrics:
    """Compute all metrics of one judgment.

    Args:
        n_reference: Number of human points, at least 1.
        n_candidate: Number of the judge's reasons; may be 0.
        links: All links between points and reasons, indices from 0; only the official AP sees those with score 0.

    Raises:
        ValueError: There are no human points, or a link points outside the lists.
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
    named = _by_candidate(seen)
    recall_official = sum(link.score for link in seen) / n_reference
    precision_official = sum(named) / min(n_candidate, OFFICIAL_LIST_CAP) if n_candidate else None
    return ReasonMetrics(
        consistency=recall,
        precision=precision,
        f1=_f1(precision, recall),
        ap_hard=average_precision([1.0 if s > 0 else 0.0 for s in scores], n_reference),
        ap_soft=average_precision(scores, n_reference),
        ap_official=sum(total / rank for rank, total in enumerate(accumulate(named), start=1)) / n_reference,
        unconstrained=sum(link.score for link in chosen) / n_reference,
        recall_official=recall_official,
        precision_official=precision_official,
        f1_official=_f1(precision_official, recall_official),
        score_by_rank=tuple(scores),
    )


def official_list(n_candidate: int) -> bool:
    """Whether the official script counts a list of this length; it skips all others silently."""
    return 1 <= n_candidate <= _OFFICIAL_LONGEST


def average_precision(scores: Sequence[float], n_reference: int) -> float:
    """``sum_k P@k I(k) / |R|`` over a list of matched scores by rank, 0 for an unmatched reason.

    >>> average_precision([1, 0, 0, 0, 1], 4)
    0.35
    """
    total, gathered = 0.0, 0.0
    for rank, score in enumerate(scores, start=1):
        gathered += score
        if score > 0:
            total += gathered / rank
    return total / n_reference


def _f1(precision: float | None, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision and recall else 0.0


def _best_of_each_point(links: Sequence[Link]) -> list[Link]:
    """Every point's best reason, which several points may share; the earlier reason for equal scores."""
    best: dict[int, Link] = {}
    for link in sorted(links, key=lambda each: (-each.score, each.candidate)):
        best.setdefault(link.reference, link)
    return list(best.values())


def _by_candidate(chosen: Sequence[Link]) -> list[float]:
    """The best score of every reason that a point chose, by rank."""
    scores: dict[int, float] = {}
    for link in chosen:
        scores[link.candidate] = max(link.score, scores.get(link.candidate, 0.0))
    return [scores[candidate] for candidate in sorted(scores)]


def favors_agree(verdict: str, favors: Sequence[str | None]) -> bool | None:
    """Whether the verdict follows from the list: most reasons that favor a side favor the verdict's side.

    Equal counts agree only with a tie. ``None`` if no reason names the side that it favors.
    """
    a, b = favors.count("A"), favors.count("B")
    if a + b == 0:
        return None
    return verdict == ("A" if a > b else "B" if b > a else "tie")
