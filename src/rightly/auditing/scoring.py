"""Compute scored judgments from records, without side effects: every variant is recomputed without new requests."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rightly.auditing.consistency import ReasonMetrics, favors_agree, reason_metrics
from rightly.auditing.points import AtomRecord, feedback_key
from rightly.matchers.assignment import assign
from rightly.matchers.base import Link, MatchRecord
from rightly.types import Judgment, PreferencePair

NO_REASONS = ReasonMetrics(0.0, None, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, None, 0.0, ())
"""Metrics of a judge's own failure on a pair with human points."""


@dataclass(frozen=True, slots=True)
class ScoredJudgment:
    """One judgment with everything computed from it.

    Attributes:
        pair: Reference pair (a held-out annotator removed).
        judgment: The judgment.
        points: Human points; may be empty.
        reasons: Judge's reasons, as matched.
        links: All links of the matcher with a score above 0.
        resolved: Links of the one-to-one assignment.
        right: Whether the verdict is the label; ``None`` if there is no label, it is a tie, or the request failed.
        metrics: Metrics of the reasons; ``None`` without points, after a failed request or a failed match, and if the reasons
            could not be read.
        match_failed: Whether the match failed.
        unread: Why the reasons could not be read; empty if they were, even if there are none.
        self_consistent: Whether the verdict follows from the list; ``None`` if the list does not state it.
    """

    pair: PreferencePair
    judgment: Judgment
    points: tuple[str, ...]
    reasons: tuple[str, ...]
    links: tuple[Link, ...]
    resolved: tuple[Link, ...]
    right: bool | None
    metrics: ReasonMetrics | None
    match_failed: bool
    unread: str
    self_consistent: bool | None


def candidate_reasons(judgment: Judgment, max_reasons: int) -> tuple[str, ...]:
    """The reasons to match: the first ``max_reasons``, truncated *before* matching so that later ones take no point."""
    return tuple(reason.text for reason in judgment.rationales[:max_reasons])


def score_judgments(
    pairs: Mapping[str, PreferencePair],
    judgments: Iterable[Judgment],
    atoms: Iterable[AtomRecord],
    matches: Iterable[MatchRecord],
    max_reasons: int,
) -> list[ScoredJudgment]:
    """Join the records and score each judgment; the result is sorted by pair, judge and order.

    Args:
        pairs: Reference pairs by id.
        judgments: Judge records of these pairs, one for each piece of work (`rightly.judges.collect.current_judgments`).
        atoms: Human points by one atomiser; points of reasons that the pairs no longer have are excluded.
        matches: Records of one matcher.
        max_reasons: Length to which the lists were truncated.
    """
    points = points_by_pair(pairs, atoms)
    matched = {(match.reference, match.candidate): match for match in matches}
    scored = []
    for judgment in sorted(judgments, key=lambda each: (each.pair_id, each.judge, each.order)):
        pair = pairs[judgment.pair_id]
        reasons = candidate_reasons(judgment, max_reasons)
        blank = ScoredJudgment(
            pair=pair,
            judgment=judgment,
            points=points.get(pair.id, ()),
            reasons=reasons,
            links=(),
            resolved=(),
            right=_is_right(pair, judgment),
            metrics=None,
            match_failed=False,
            unread=judgment.unread,
            self_consistent=_follows(judgment),
        )
        match = matched.get((blank.points, reasons))
        scored.append(_with_metrics(blank, match))
    return scored


def points_by_pair(pairs: Mapping[str, PreferencePair], atoms: Iterable[AtomRecord]) -> dict[str, tuple[str, ...]]:
    """The human points of each pair's current reasons, by id; a pair whose splitting failed is missing."""
    known = {record.feedback: record.points for record in atoms if record.failure is None}
    keys = {pair_id: feedback_key(pair) for pair_id, pair in pairs.items()}
    return {pair_id: known[key] for pair_id, key in keys.items() if key in known}


def _with_metrics(blank: ScoredJudgment, match: MatchRecord | None) -> ScoredJudgment:
    if not blank.points or blank.judgment.failure == "provider":
        return blank
    if blank.judgment.failure is not None:
        return replace(blank, metrics=NO_REASONS)
    if blank.unread:
        return blank
    if not blank.reasons:
        return replace(blank, metrics=reason_metrics(len(blank.points), 0, ()))
    if match is None or match.match.failure is not None:
        return replace(blank, match_failed=True)
    return replace(
        blank,
        links=tuple(link for link in match.match.links if link.score > 0),
        resolved=tuple(assign(match.match.links)),
        metrics=reason_metrics(len(blank.points), len(blank.reasons), match.match.links),
    )


def _is_right(pair: PreferencePair, judgment: Judgment) -> bool | None:
    if pair.label in (None, "tie") or judgment.failure == "provider":
        return None
    return judgment.verdict == pair.label


def _follows(judgment: Judgment) -> bool | None:
    if judgment.verdict is None:
        return None
    favors: Sequence[str | None] = [reason.favors for reason in judgment.rationales]
    return favors_agree(judgment.verdict, favors)
