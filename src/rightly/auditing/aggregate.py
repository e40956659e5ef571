"""The complete result of an audit, from its scored judgments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rightly.auditing.cast import Cast
from rightly.auditing.compare import letters, paired_tests
from rightly.auditing.judge_summary import JudgmentsByPair, judge_result
from rightly.auditing.result import AuditResult
from rightly.auditing.scoring import ScoredJudgment
from rightly.inference.account import Price
from rightly.metrics.agreement import krippendorff_alpha
from rightly.metrics.estimate import known
from rightly.types import PreferencePair
from rightly.version import __version__


@dataclass(frozen=True, slots=True)
class AuditMetadata:
    """The metadata of an audit's result; see `AuditResult` for the fields.

    Attributes:
        cast: Judges, atomiser and matcher that made the records.
        prices: Known prices of the judges' models.
    """

    source: str
    cast: Cast
    max_reasons: int
    spurious_below: float
    prices: Mapping[str, Price]


def audit_result(
    pairs: Mapping[str, PreferencePair], scored: Sequence[ScoredJudgment], facts: AuditMetadata
) -> AuditResult:
    """Summarise an audit.

    Args:
        pairs: Reference pairs by id.
        scored: All scored judgments.
        facts: Metadata of the audit.
    """
    judges = facts.cast.names
    by_judge: dict[str, list[ScoredJudgment]] = {name: [] for name in judges}
    points: dict[str, tuple[str, ...]] = {}
    for each in scored:
        by_judge[each.judgment.judge].append(each)
        points[each.pair.id] = each.points
    views = [JudgmentsByPair(name, by_judge[name]) for name in judges]
    tests = paired_tests(views)
    notes = {judge.name: judge.note for judge in facts.cast.judges}
    people = {judge.name for judge in facts.cast.judges if judge.held_out_person}
    rows = [
        judge_result(
            view,
            spurious_below=facts.spurious_below,
            price=facts.prices.get(view.name),
            note=notes[view.name],
        )
        for view in views
    ]
    on_accuracy = letters(judges, [row.accuracy.value for row in rows], tests, "p_accuracy")
    on_consistency = letters(judges, [row.consistency.value for row in rows], tests, "p_consistency")
    return AuditResult(
        source=facts.source,
        n_pairs=len(pairs),
        n_labelled=sum(pair.label not in (None, "tie") for pair in pairs.values()),
        n_with_rationales=sum(bool(found) for found in points.values()),
        n_points=sum(map(len, points.values())),
        atomiser=facts.cast.atomiser.name,
        matcher=facts.cast.matcher.name,
        matcher_smoke_only=facts.cast.smoke_only,
        reliability=facts.cast.reliability,
        carries_ranking=facts.cast.carries_ranking,
        max_reasons=facts.max_reasons,
        spurious_below=facts.spurious_below,
        judges=tuple(
            row.model_copy(
                update={
                    "groups_accuracy": on_accuracy[row.judge],
                    "groups_consistency": on_consistency[row.judge],
                    "person": row.judge in people,
                }
            )
            for row in rows
        ),
        tests=tests,
        agreement=known(krippendorff_alpha([[view.verdicts.get(pair_id) for view in views] for pair_id in pairs])),
        human_agreement=known(krippendorff_alpha(_vote_table(list(pairs.values())))),
        notes=_notes(pairs, points),
        version=__version__,
    )


def _vote_table(pairs: Sequence[PreferencePair]) -> list[list[str | None]]:
    width = max((len(pair.votes) for pair in pairs), default=0)
    return [[*(v.choice for v in pair.votes), *[None] * (width - len(pair.votes))] for pair in pairs]


def _notes(pairs: Mapping[str, PreferencePair], points: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    notes = []
    unlabelled = sum(pair.label in (None, "tie") for pair in pairs.values())
    if unlabelled:
        notes.append(f"{unlabelled} of {len(pairs)} pairs have no side for a label and do not enter outcome accuracy.")
    without = [pair for pair_id, pair in pairs.items() if not points.get(pair_id)]
    silent = sum(not pair.rationales for pair in without)
    if silent:
        notes.append(f"{silent} of {len(pairs)} pairs have no human reasons and do not enter consistency.")
    if len(without) > silent:
        notes.append(
            f"{len(without) - silent} of {len(pairs)} pairs have human reasons but no points of them yet (not judged, or the "
            "atomiser failed or found none) and do not enter consistency."
        )
    contexts = len({pair.context_key if pair.context else pair.id for pair in pairs.values()})
    if contexts < len(pairs):
        notes.append(
            f"{len(pairs)} pairs share {contexts} contexts: the unit of every interval and test is the context."
        )
    return tuple(notes)
