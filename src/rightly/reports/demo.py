"""The demo's page and terminal lines: the point in one sentence, a drawing and a pair; then the rest of the audit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from rightly.auditing.compare import ALPHA
from rightly.auditing.result import AuditResult, Item, ItemJudgment, JudgeResult
from rightly.auditing.told_apart import HardExample, Shown, TaskCheck
from rightly.matchers.base import Link
from rightly.reports.audit_html import audit_fields
from rightly.reports.findings import consistency_ranks
from rightly.reports.numbers import decimal, interval, known, percent
from rightly.reports.page import write_page
from rightly.reports.scatter import scatter
from rightly.reports.tables import TableSection
from rightly.reports.terminal import judges_table
from rightly.types import Frozen

PHRASES = (
    "for another person's right reason",
    "for one that a person wrote to be wrong",
    "for a canned one",
)
"""What the three judges say, in their order."""


class DemoSummary(Frozen):
    """The demo in short, as ``rightly demo --json`` prints it.

    Attributes:
        point: The point in one sentence.
        reliability: The matcher's reliability on the demo's own task, a line each.
        check: The same in numbers.
        judges: Results of the three judges.
        second_point: What the second example shows, and why, a line each; read before its judges.
        second_judges: Results of the judges of the second example.
    """

    point: str
    reliability: tuple[str, ...]
    check: TaskCheck
    judges: tuple[JudgeResult, ...]
    second_point: tuple[str, ...]
    second_judges: tuple[JudgeResult, ...]


@dataclass(frozen=True)
class DemoParts:
    """What the demo shows.

    Attributes:
        result: Audit of the three judges with the same verdicts, the right one first, then the wrong one and the canned one.
        items: Pairs of this audit.
        made: How each judge was made, by name.
        check: The matcher's reliability on this task.
        shown: The pair on the first screen.
        second: Audit of the second example.
        second_item: A pair of it.
        why: What explains its figures.
        sections: Further tables.
    """

    result: AuditResult
    items: Sequence[Item]
    made: Mapping[str, str]
    check: TaskCheck
    shown: Shown
    second: AuditResult
    second_item: Item
    why: HardExample
    sections: Sequence[TableSection] = ()

    def summary(self) -> DemoSummary:
        """The demo in short."""
        return DemoSummary(
            point=point(self.result, self.check),
            reliability=tuple(reliability(self.result, self.check, self.why)),
            check=self.check,
            judges=self.result.judges,
            second_point=tuple(explanation(self.second, self.why)),
            second_judges=self.second.judges,
        )


@dataclass(frozen=True)
class Curve:
    """A link of the drawn pair; positions are percents of the height.

    Attributes:
        start: Position of the point.
        end: Position of the reason.
        accepted: Whether its score is at or above the operating point.
    """

    start: float
    end: float
    accepted: bool


def write_demo(parts: DemoParts, path: Path) -> None:
    """Write the page of the demo; the same parts give the same bytes."""
    fields = audit_fields(parts.result, parts.items, parts.sections)
    # The drawing is on the first screen, not among the sections.
    fields |= {"wide": None, "narrow": None}
    item = parts.shown.item
    write_page(
        path,
        "demo.html",
        **fields,
        point=point(parts.result, parts.check),
        reliability=reliability(parts.result, parts.check, parts.why),
        lead_wide=scatter(parts.result.judges, 520, 360, hang=True),
        lead_narrow=scatter(parts.result.judges, 360, 250, hang=True),
        made=parts.made,
        check=parts.check,
        shown=parts.shown,
        answers=[(judge, *_said(judge, parts.check.operating_point)) for judge in item.judgments],
        curves=_curves(item, parts.check.operating_point),
        second=parts.second,
        second_why=explanation(parts.second, parts.why),
        second_item=parts.second_item,
        why=parts.why,
    )


def point(result: AuditResult, check: TaskCheck) -> str:
    """The point in one sentence; it claims what a paired test at 5% shows, and no more."""
    judges = result.judges
    accuracies = [judge.accuracy.value for judge in judges]
    if len(set(accuracies)) != 1:
        raise ValueError(f"the judges' accuracies are {accuracies}; the demo needs equal verdicts")
    share = "all" if accuracies[0] == 1 else f"{percent(accuracies[0])} of"
    figures = [f"{decimal(j.consistency.value)} {said}" for j, said in zip(judges, PHRASES, strict=True)]
    numbers = f"{figures[0]}, {figures[1]}, {figures[2]}"
    outcome = f"Right on {share} {result.n_labelled:,} pairs, three judges look alike to outcome accuracy"
    if _told_apart(result, check):
        return f"{outcome}; rationale consistency tells them apart: {numbers}."
    unseen = f"rationale consistency by {result.matcher} does not tell right from wrong reasons here"
    return f"{outcome}, and {unseen}: {numbers}."


def _told_apart(result: AuditResult, check: TaskCheck) -> bool:
    for test in result.tests:
        if {test.first, test.second} == {check.right, check.wrong}:
            gap = test.consistency_difference.value or 0.0
            better = test.first if gap > 0 else test.second
            return better == check.right and test.p_consistency is not None and test.p_consistency < ALPHA
    return False


def reliability(result: AuditResult, check: TaskCheck, why: HardExample) -> list[str]:
    """How far the matcher can be trusted on this very task, in lines."""
    right, wrong = check.accepted[check.right], check.accepted[check.wrong]
    above, n = check.above, check.above.n
    lines = [
        f"On these {n:,} pairs, {check.matcher} scores another person's right reason above the wrong one with probability "
        f"{decimal(above.value)} {interval(above, 3)} (0.5 is chance).",
        f"At its operating point {check.operating_point:g} it accepts {percent(right.value)} of the right reasons and "
        f"{percent(wrong.value)} of the wrong ones.",
        f"A judge with one reason can reach a consistency of {decimal(why.easy.most)} here: the {why.easy.points:.1f} points "
        "of a pair are reasons of two other people.",
    ]
    if check.trained_on:
        lines.append(
            f"{check.matcher} was trained on {check.trained_on:,} rows of ComVE's training set; these pairs are its test "
            "set."
        )
    if result.matcher_smoke_only:
        lines.append(f"{check.matcher} is for smoke tests only: it measures topic, not agreement.")
    elif not consistency_ranks(result):
        lines.append(f"On other tasks {check.matcher} does not carry a ranking of judges; see below.")
    return lines


def explanation(second: AuditResult, why: HardExample) -> list[str]:
    """Why no matcher carries the second example, in sentences that must stand wherever its figures do."""
    person = next(judge for judge in second.judges if judge.person)
    hard, easy, voters = why.hard, why.easy, why.voters
    lines = [
        f"Do not read the figures of the person ({person.judge}: consistency {decimal(person.consistency.value)}, spurious "
        f"{decimal(person.spurious.value)}) as a fault of the person, and rank no judge by consistency here.",
        f"The scale ends early. A voter gives one reason, and the points are the reasons of {hard.points:.1f} other voters: "
        f"one reason reaches at most {decimal(hard.most)} (ComVE: {decimal(easy.most)}), and spurious counts what is below "
        f"{second.spurious_below:g}.",
        "People vote for different reasons. Nobody was asked for all of theirs, so another person's reason need not be among "
        f"the points, and {percent(hard.against)} of the reasons were given for another vote than the label. ComVE's writers "
        "all explain the same fault in the same sentence.",
        "Many reasons judge an argument as a whole, such as “A2 lists better logical reasons”. Half have at most "
        f"{hard.words:g} words, and {percent(hard.unnamed)} name neither argument, so the text alone does not say which one "
        f"is meant. Length alone is not the cause: half of ComVE's reasons have at most {easy.words:g} words.",
    ]
    if voters is None:
        return [*lines, "The matcher was not checked on voters' reasons."]
    elsewhere, opposite = voters.against_elsewhere, voters.against_opposite
    return [
        *lines,
        f"The matcher is {_near_chance(opposite.value)} here. On {voters.n_pairs:,} pairs {voters.matcher} scores a fellow "
        f"voter's reason above one from another pair with probability {decimal(elsewhere.value)} {interval(elsewhere, 3)}, "
        f"and above a reason for the opposite vote with {decimal(opposite.value)} {interval(opposite, 3)}; 0.5 is chance.",
    ]


NEAR = 0.1
"""Distance from one half below which a probability is called close to chance."""


def _near_chance(value: float | None) -> str:
    return "close to chance" if known(value) and abs(value - 0.5) < NEAR else "limited"


def _said(judgment: ItemJudgment, operating_point: float) -> tuple[str, bool]:
    """What the matcher says of a judge's one reason, and whether it accepts it."""
    best: Link | None = max(judgment.links, key=lambda link: link.score, default=None)
    if best is None:
        return "no link", False
    accepted = best.score >= operating_point
    verdict = "the same point as" if accepted else "not the same point as"
    return f"{verdict} {best.reference + 1}: score {decimal(best.score, 2)}", accepted


def _curves(item: Item, operating_point: float) -> list[Curve]:
    n_points, n_judges = len(item.points), len(item.judgments)
    return [
        Curve(
            start=round(100 * (link.reference + 0.5) / n_points, 2),
            end=round(100 * (place + 0.5) / n_judges, 2),
            accepted=link.score >= operating_point,
        )
        for place, judgment in enumerate(item.judgments)
        for link in judgment.links
    ]


def print_demo(parts: DemoParts, console: Console) -> None:
    """Print the point, its figures, and the second example after its explanation."""
    summary = parts.summary()
    console.print(Text(summary.point, style="bold"))
    console.print()
    console.print(judges_table(parts.result, wide=False))
    for line in summary.reliability:
        console.print(Text(line, style="dim"))
    console.print()
    console.print(Text(f"A hard second example: {parts.second.source}", style="bold"))
    for line in summary.second_point:
        console.print(Text(f"• {line}"))
    console.print()
    console.print(judges_table(parts.second, wide=False))
