"""What an audit says, in sentences: explicit rules over its numbers, the same on every page."""

from collections.abc import Callable, Sequence

from rightly.rationale.result import AuditResult, Estimate, JudgeResult

CLEAR_GAP = 0.10
"""Spurious shares, failures and flips below this are not worth a sentence."""


def findings(result: AuditResult) -> list[str]:
    """The sentences, most important first; empty for an audit without judges."""
    if not result.judges:
        return []
    return [
        *_on_accuracy(result),
        *_on_consistency(result),
        *_on_spurious(result),
        *_on_position(result.judges),
        *_on_failures(result.judges),
    ]


def percent(value: float | None) -> str:
    """A share as people read it; an en dash where there is none."""
    return "–" if value is None else f"{100 * value:.1f}%"


def _on_accuracy(result: AuditResult) -> list[str]:
    ranked = _ranked(result.judges, lambda judge: judge.accuracy)
    if not ranked:
        return ["No pair has a side for a label: outcome accuracy cannot be measured."]
    best = ranked[0]
    said = f"{best.judge} is right most often ({percent(best.accuracy.value)})"
    if len(ranked) == 1:
        return [f"{best.judge} is right on {percent(best.accuracy.value)} of {best.accuracy.n} labelled pairs."]
    alike = [j.judge for j in ranked[1:] if set(j.groups_accuracy) & set(best.groups_accuracy)]
    if alike:
        return [f"{said}, but cannot be told apart from {_listed(alike)} on these {best.accuracy.n} pairs."]
    return [f"{said}, and the others are told apart from it on these {best.accuracy.n} pairs."]


def _on_consistency(result: AuditResult) -> list[str]:
    if result.matcher_smoke_only:
        return [
            f"The matcher {result.matcher} only shows that the pipeline runs: its consistency figures rank nobody. "
            "Use a language model as matcher to measure."
        ]
    ranked = _ranked(result.judges, lambda judge: judge.consistency)
    if not ranked:
        return ["No pair has human points: rationale consistency cannot be measured."]
    if len(ranked) == 1:
        only = ranked[0]
        return [f"{only.judge} gives {percent(only.consistency.value)} of the human reasons."]
    best = ranked[0]
    alike = [j.judge for j in ranked[1:] if set(j.groups_consistency) & set(best.groups_consistency)]
    said = f"{best.judge} agrees most with the human reasons ({percent(best.consistency.value)})"
    sentences = [f"{said}, but cannot be told apart from {_listed(alike)}." if alike else f"{said}."]
    top = _ranked(result.judges, lambda judge: judge.accuracy)
    if top and top[0].judge != best.judge and not alike:
        sentences.append(f"The judge that is right most often, {top[0].judge}, is not the one with the human reasons.")
    return sentences


def _on_spurious(result: AuditResult) -> list[str]:
    if result.matcher_smoke_only:
        return []
    return [
        f"{judge.judge} is right for the wrong reasons in {percent(judge.spurious.value)} of its right verdicts "
        f"(consistency below {result.spurious_below:g})."
        for judge in result.judges
        if judge.spurious.value is not None and judge.spurious.value >= CLEAR_GAP
    ]


def _on_position(judges: Sequence[JudgeResult]) -> list[str]:
    return [
        f"{judge.judge} changes its verdict with the order in {percent(1 - judge.position.consistency)} of pairs."
        for judge in judges
        if judge.position.consistency is not None and judge.position.consistency <= 1 - CLEAR_GAP
    ]


def _on_failures(judges: Sequence[JudgeResult]) -> list[str]:
    sentences = []
    for judge in judges:
        own = sum(count for kind, count in judge.failures.items() if kind != "provider")
        line = judge.failures.get("provider", 0)
        if own:
            sentences.append(
                f"{judge.judge} gave no usable answer in {own} of {judge.n_judgments} judgments; they count as wrong."
            )
        if line:
            sentences.append(
                f"{line} of {judge.n_judgments} calls of {judge.judge} failed on the line and are left out; "
                "run the same command again to make them."
            )
    return sentences


def _ranked(judges: Sequence[JudgeResult], estimate: Callable[[JudgeResult], Estimate]) -> list[JudgeResult]:
    """The judges that have a value, largest first."""
    values = [(estimate(judge).value, judge) for judge in judges]
    measured = [(value, judge) for value, judge in values if value is not None]
    return [judge for _, judge in sorted(measured, key=lambda row: -row[0])]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
