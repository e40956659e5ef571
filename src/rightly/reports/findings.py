"""What an audit says, in sentences: explicit rules over its numbers, the same on the page and in the terminal.

Each rule is a function of the result that gives its sentences, or none. A sentence that goes beyond the pairs at hand
("leans to", "cannot be told apart") rests on a test over contexts at 5%, Holm-adjusted over what it chooses from; any other
only describes the pairs and states how many they are. No rule ranks judges by consistency when the matcher only shows that
the pipeline runs, and none calls two judges different that share a group letter.
"""

from collections.abc import Callable, Sequence
from itertools import combinations

from rightly.auditing.compare import ALPHA
from rightly.auditing.result import AuditResult, JudgeResult
from rightly.metrics.estimate import Estimate, Tested
from rightly.metrics.paired import holm
from rightly.reports.numbers import decimal, known, listed, p_value, percent, plural, plural_mean

NOTABLE = 0.10
"""Shares of spurious verdicts and of flips with the order below this are not worth a sentence."""

NOTABLE_CONTRADICTION = 0.05
"""Share of lists that contradict their own verdict from which it is said."""

NOTABLE_LENGTH_GAP = 0.20
"""Difference in accuracy between "the longer is better" and the rest from which a tested lean is worth a sentence."""

NOTABLE_REUSE = 0.05
"""Rise of consistency without one-to-one from which it is said."""

NOTABLE_PERSON = 0.50
"""Share of spurious verdicts of a held-out person from which the page says what it means."""

FEW_PAIRS = 100
"""Below this many pairs with human points the page says that they are few."""


def findings(result: AuditResult) -> list[str]:
    """The sentences, most important first."""
    if not result.judges:
        return ["No judge was audited."]
    return [sentence for rule in RULES for sentence in rule(result)]


def consistency_ranks(result: AuditResult) -> bool:
    """Whether consistency may be compared between judges: not when the matcher was found not to carry it."""
    return not result.matcher_smoke_only and result.carries_ranking is not False


def on_accuracy(result: AuditResult) -> list[str]:
    """Who is right most often, and who cannot be told apart from it."""
    ranked = _ranked(result.judges, lambda judge: judge.accuracy)
    if not ranked and result.n_labelled:
        return ["No judgment of a labelled pair was answered, so outcome accuracy could not be measured."]
    if not ranked:
        return ["No pair has a side for a label, so outcome accuracy cannot be measured."]
    best = ranked[0]
    share, pairs = percent(best.accuracy.value), plural(best.accuracy.n, "labelled pair")
    if len(ranked) == 1:
        return [f"{best.judge} is right on {share} of {pairs}."]
    if _all_alike([judge.groups_accuracy for judge in ranked]):
        of = "the two judges" if len(ranked) == 2 else f"the {len(ranked)} judges"
        return [f"On {pairs}, {of} cannot be told apart by how often they are right."]
    said = f"{best.judge} is right most often ({share} of {pairs})"
    alike = _sharing(best, ranked[1:], lambda judge: judge.groups_accuracy)
    if alike:
        return [f"{said}, but cannot be told apart from {listed(alike)}."]
    if _lettered(ranked, lambda judge: judge.groups_accuracy):
        return [f"{said}; the difference from every other judge is significant."]
    return [f"{said}."]


def on_chance(result: AuditResult) -> list[str]:
    """Whose 95% interval of accuracy holds what a coin gets: that is, whom a test at 5% does not tell from it."""
    at_chance = [
        judge.judge
        for judge in result.judges
        if known(judge.accuracy.low) and known(judge.accuracy.high) and judge.accuracy.low <= 0.5 <= judge.accuracy.high
    ]
    return [f"The accuracy of {listed(at_chance)} cannot be told from a coin's 50%."] if at_chance else []


def on_matcher(result: AuditResult) -> list[str]:
    """Whether the matcher's reliability carries a ranking by consistency."""
    if result.matcher_smoke_only:
        return [
            f"The matcher {result.matcher} is for smoke tests only: do not compare judges by these consistency scores. "
            "Use a language model as matcher to measure consistency."
        ]
    if result.carries_ranking is None:
        return [
            f"How far the matcher {result.matcher} can be trusted was not measured: take the order of judges by "
            "consistency as provisional until rightly matcher-check has been run on it."
        ]
    if not result.carries_ranking:
        return [
            f"The matcher {result.matcher} agrees too little with people to carry a ranking by consistency: none is given."
        ]
    return []


def on_consistency(result: AuditResult) -> list[str]:
    """Whose reasons are nearest to the human ones, and who cannot be told apart from it."""
    if not consistency_ranks(result):
        return []
    ranked = _ranked(result.judges, lambda judge: judge.consistency)
    if not ranked and result.n_points:
        return ["No judge's reasons were matched with human points, so rationale consistency could not be measured."]
    if not ranked:
        return ["No pair has human points, so rationale consistency cannot be measured."]
    best = ranked[0]
    figure, pairs = decimal(best.consistency.value), plural(best.consistency.n, "pair")
    if len(ranked) == 1:
        return [f"{best.judge} has a rationale consistency of {figure} over {pairs}."]
    if _all_alike([judge.groups_consistency for judge in ranked]):
        return [f"On {pairs}, the judges cannot be told apart by how well their reasons agree with the human ones."]
    said = f"The reasons of {best.judge} agree most with the human ones (consistency {figure} over {pairs})"
    alike = _sharing(best, ranked[1:], lambda judge: judge.groups_consistency)
    return [f"{said}, but it cannot be told apart from {listed(alike)} on that."] if alike else [f"{said}."]


def on_equal_outcomes(result: AuditResult) -> list[str]:
    """The two judges that outcome accuracy cannot tell apart and consistency separates most."""
    if not consistency_ranks(result):
        return []
    apart = [
        (one.consistency.value - two.consistency.value, one, two)
        for one, two in combinations(result.judges, 2)
        if known(one.consistency.value)
        and known(two.consistency.value)
        and set(one.groups_accuracy) & set(two.groups_accuracy)
        and one.groups_consistency
        and two.groups_consistency
        and not set(one.groups_consistency) & set(two.groups_consistency)
    ]
    if not apart:
        return []
    gap, one, two = max(apart, key=lambda row: abs(row[0]))
    better, worse = (one, two) if gap > 0 else (two, one)
    return [
        f"Outcome accuracy does not tell {better.judge} from {worse.judge}, but their reasons do: consistency "
        f"{decimal(better.consistency.value)} against {decimal(worse.consistency.value)}."
    ]


def on_people(result: AuditResult) -> list[str]:
    """What a low figure of a held-out person means, before it is read as a fault of the person."""
    if not result.n_with_rationales:
        return []
    points = result.n_points / result.n_with_rationales
    sentences = []
    for judge in result.judges:
        if not (judge.person and known(judge.consistency.value) and (judge.spurious.value or 0) >= NOTABLE_PERSON):
            continue
        most = min(1.0, (judge.list_length or 0) / points)
        sentences += [
            f"Do not read the consistency of {judge.judge}, a held-out person ({decimal(judge.consistency.value)}; "
            f"{percent(judge.spurious.value)} of right verdicts below {result.spurious_below:g}), as a fault of the person: on "
            f"these pairs {plural_mean(judge.list_length, 'reason')} against {plural_mean(points, 'point')} can reach "
            f"{decimal(most)} at most.",
            "Other people may have had other reasons, and the matcher may not recognise the same reason in other words. "
            "Where a person reads so low, consistency says little about any judge.",
        ]
    return sentences


def on_spurious(result: AuditResult) -> list[str]:
    """How often right verdicts come with reasons that people did not give."""
    if not consistency_ranks(result):
        return []
    ranked = _ranked(result.judges, lambda judge: judge.spurious)
    said = [
        f"{percent(j.spurious.value)} of {j.judge} (n = {j.spurious.n:,})"
        for j in ranked
        if (j.spurious.value or 0) >= NOTABLE
    ]
    if not said:
        return []
    return [
        f"Right for the wrong reasons (a right verdict with a consistency below {result.spurious_below:g}): "
        f"{listed(said)}, as shares of their right verdicts."
    ]


def on_position(result: AuditResult) -> list[str]:
    """Who changes the verdict with the order of presentation, and towards which slot."""
    flips = [
        (1 - judge.position.consistency, judge)
        for judge in result.judges
        if known(judge.position.consistency) and judge.position.consistency <= 1 - NOTABLE
    ]
    if not flips:
        return []
    (most, first), *others = sorted(flips, key=lambda row: -row[0])
    also = [f"{judge.judge} in {percent(share)} (n = {judge.position.n:,})" for share, judge in others]
    most_said = f"in {percent(most)} of pairs (n = {first.position.n:,})"
    sentence = f"{listed([f'{first.judge} changes its verdict with the order {most_said}', *also])}."
    tested = _significant(result.judges, lambda judge: judge.position.lean, NOTABLE)
    to_slot: dict[str, list[str]] = {"first": [], "second": []}
    for judge, lean, p in tested:
        slot = "first" if (lean.value or 0) > 0 else "second"
        share = judge.position.first_slot if slot == "first" else judge.position.second_slot
        to_slot[slot].append(f"{judge.judge} ({percent(share)} of them; {_p(p)})")
    return [sentence] + [
        f"The response shown {slot} gets more of the verdicts of {listed(named)}."
        for slot, named in to_slot.items()
        if named
    ]


def on_length(result: AuditResult) -> list[str]:
    """Who is right mostly where length alone would be."""
    sentences = []
    for judge, lean, p in _significant(result.judges, lambda judge: judge.length_lean, NOTABLE_LENGTH_GAP):
        rows = {row.longer_is_better: row for row in judge.by_length}
        longer, shorter = rows[True], rows[False]
        sentences.append(
            f"{judge.judge} leans to the {'longer' if (lean.value or 0) > 0 else 'shorter'} response: right on "
            f"{percent(longer.accuracy)} of {plural(longer.n, 'pair')} where the longer one is better and on "
            f"{percent(shorter.accuracy)} of {shorter.n:,} where the shorter one is ({_p(p)})."
        )
    return sentences


def on_contradictions(result: AuditResult) -> list[str]:
    """Whose verdicts contradict their own reasons."""
    return [
        f"The verdict of {judge.judge} contradicts most of its own reasons in {percent(1 - judge.self_consistency.value)} "
        f"of its answers ({plural(judge.self_consistency.n, 'pair')})."
        for judge in result.judges
        if known(judge.self_consistency.value) and 1 - judge.self_consistency.value >= NOTABLE_CONTRADICTION
    ]


def on_reuse(result: AuditResult) -> list[str]:
    """How much higher consistency would read if one reason could match many points."""
    if not consistency_ranks(result):
        return []
    rises = [
        (judge.unconstrained.value - judge.consistency.value, judge)
        for judge in result.judges
        if known(judge.unconstrained.value) and known(judge.consistency.value)
    ]
    rises = [row for row in rises if row[0] >= NOTABLE_REUSE]
    if not rises:
        return []
    _, judge = max(rises, key=lambda row: row[0])
    return [
        f"If one reason could match several points, {judge.judge} would read {decimal(judge.unconstrained.value)} instead of "
        f"{decimal(judge.consistency.value)} on the same {plural(judge.consistency.n, 'pair')}."
    ]


def on_failures(result: AuditResult) -> list[str]:
    """What failed, and what was done about it."""
    sentences = []
    for judge in result.judges:
        own = sum(number for kind, number in judge.failures.items() if kind != "provider")
        line = judge.failures.get("provider", 0)
        of = f"of {plural(judge.n_judgments, 'judgment')}"
        if own:
            sentences.append(f"{judge.judge} gave no usable answer in {own:,} {of}; each makes its pair wrong.")
        if line:
            sentences.append(
                f"{line:,} {of} of {judge.judge} failed (network, rate limit, server error) and are excluded; run the same "
                "command again to retry them."
            )
        if judge.match_failures:
            sentences.append(
                f"{judge.match_failures:,} {of} of {judge.judge} could not be matched and are left out of consistency."
            )
        sentences += [
            f"The reasons of {number:,} {of} of {judge.judge} could not be read ({cause}); they are left out of consistency."
            for cause, number in judge.unread.items()
        ]
    return sentences


def on_few_pairs(result: AuditResult) -> list[str]:
    """Whether there is little to go by."""
    if result.n_with_rationales >= FEW_PAIRS:
        return []
    return [f"Only {plural(result.n_with_rationales, 'pair')} with human points: read the intervals, not the figures."]


RULES: tuple[Callable[[AuditResult], list[str]], ...] = (
    on_accuracy,
    on_chance,
    on_matcher,
    on_consistency,
    on_equal_outcomes,
    on_people,
    on_spurious,
    on_position,
    on_length,
    on_contradictions,
    on_reuse,
    on_failures,
    on_few_pairs,
)
"""The rules in the order in which their sentences appear."""


def _ranked(judges: Sequence[JudgeResult], estimate: Callable[[JudgeResult], Estimate]) -> list[JudgeResult]:
    """The judges that have a value, largest first."""
    measured = [(value, judge) for judge in judges if known(value := estimate(judge).value)]
    return [judge for _, judge in sorted(measured, key=lambda row: -row[0])]


def _all_alike(letters: Sequence[str]) -> bool:
    """Whether one letter is common to all."""
    return bool(set(letters[0]).intersection(*letters[1:]))


def _sharing(best: JudgeResult, others: Sequence[JudgeResult], letters: Callable[[JudgeResult], str]) -> list[str]:
    return [judge.judge for judge in others if set(letters(judge)) & set(letters(best))]


def _lettered(judges: Sequence[JudgeResult], letters: Callable[[JudgeResult], str]) -> bool:
    return all(letters(judge) for judge in judges)


def _significant(
    judges: Sequence[JudgeResult], difference: Callable[[JudgeResult], Tested], notable: float
) -> list[tuple[JudgeResult, Tested, float]]:
    """The judges whose difference is notable and significant at 5%, Holm-adjusted over the judges, with the adjusted p."""
    found = [(judge, difference(judge)) for judge in judges]
    tested = [(judge, each, each.p) for judge, each in found if known(each.value) and known(each.p)]
    adjusted = holm([p for _, _, p in tested]).tolist()
    return [
        (judge, each, p)
        for (judge, each, _), p in zip(tested, adjusted, strict=True)
        if p < ALPHA and abs(each.value or 0) >= notable
    ]


def _p(value: float) -> str:
    said = p_value(value)
    return f"p {said}" if said.startswith("<") else f"p = {said}"
