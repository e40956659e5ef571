"""Comparability of audits: numbers can be compared if they were measured in the same way."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from rightly.auditing.cast import Cast
from rightly.auditing.scoring import ScoredJudgment
from rightly.errors import InputError


class AuditRun(NamedTuple):
    """One audit in a comparison.

    Attributes:
        name: Folder of the audit.
        cast: Judges, atomiser and matcher that made the records.
        max_reasons: Length to which the judges' lists were truncated.
        scored: Scored judgments by judge.
    """

    name: str
    cast: Cast
    max_reasons: int
    scored: Mapping[str, Sequence[ScoredJudgment]]


def comparable(runs: Sequence[AuditRun]) -> tuple[list[AuditRun], tuple[str, ...]]:
    """The runs without the numbers that cannot be compared, and the reasons for leaving these out.

    Consistency needs the same matcher, atomiser, reference points and list length. Outcome accuracy needs the same labels.

    Raises:
        InputError: An id stands for different pairs, or no number can be compared.
    """
    consistency = _yardsticks(runs)
    accuracy: list[str] = []
    known: dict[str, tuple[AuditRun, ScoredJudgment]] = {}
    other_points, other_labels = set(), set()
    for run in runs:
        for each in (one for scored in run.scored.values() for one in scored):
            first, seen = known.setdefault(each.pair.id, (run, each))
            if seen.pair.content_key != each.pair.content_key:
                raise InputError(
                    f"pair {each.pair.id!r} differs between {first.name} and {run.name}",
                    fix="compare audits of the same pairs",
                )
            if seen.points != each.points:
                other_points.add(each.pair.id)
            if seen.pair.label != each.pair.label:
                other_labels.add(each.pair.id)
    if other_points:
        consistency.append(f"the human points of {_pairs(other_points)} differ")
    if other_labels:
        accuracy.append(f"the labels of {_pairs(other_labels)} differ")
    if consistency and accuracy:
        problem = f"cannot be compared: {'; '.join([*consistency, *accuracy])}"
        raise InputError(problem, fix="audit all judges with the same matcher, atomiser and pairs")
    left = [_without(run, metrics=bool(consistency), right=bool(accuracy)) for run in runs]
    notes = [f"Consistency is not tested: {'; '.join(consistency)}."] if consistency else []
    notes += [f"Outcome accuracy is not tested: {'; '.join(accuracy)}."] if accuracy else []
    return left, tuple(notes)


def _yardsticks(runs: Sequence[AuditRun]) -> list[str]:
    found = []
    for what, makers in (
        ("matcher", [run.cast.matcher for run in runs]),
        ("atomiser", [run.cast.atomiser for run in runs]),
    ):
        if len({maker.fingerprint for maker in makers}) > 1:
            told = ", ".join(f"{run.name} {maker.name}" for run, maker in zip(runs, makers, strict=True))
            same = " under one name" if len({maker.name for maker in makers}) == 1 else ""
            found.append(f"the {what}s differ{same} ({told})")
    if len({run.max_reasons for run in runs}) > 1:
        found.append("the judges' lists were truncated to different lengths")
    return found


def _pairs(ids: set[str]) -> str:
    return f"{len(ids)} pairs ({min(ids)!r} among them)" if len(ids) > 1 else f"pair {min(ids)!r}"


def _without(run: AuditRun, *, metrics: bool, right: bool) -> AuditRun:
    def bare(each: ScoredJudgment) -> ScoredJudgment:
        return replace(each, metrics=None if metrics else each.metrics, right=None if right else each.right)

    return run._replace(scored={name: [bare(each) for each in scored] for name, scored in run.scored.items()})
