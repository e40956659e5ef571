"""Matchers side by side, against people, as a part of a page."""

from collections.abc import Mapping, Sequence

from rightly.matchers.validation.human_links import Links, consistency_by_system, reliability
from rightly.matchers.validation.summhay import CoverageCase
from rightly.reports.tables import TableSection, Value


def matcher_section(cases: Sequence[CoverageCase], matched: Mapping[str, Links]) -> TableSection:
    """How far a consistency figure hangs on its matcher: a row for people's links and one for each matcher's.

    Args:
        cases: SummHay.
        matched: Links of the matchers that were run, by name; those of the stored language models are added.
    """
    human = {case.id: case.human for case in cases}
    people = consistency_by_system(cases, human)
    systems = sorted(people, key=lambda system: -people[system])
    rows: list[tuple[Value, ...]] = []
    means: list[float] = []
    stored = {f"{name} (stored)": {case.id: case.stored[name] for case in cases} for name in cases[0].stored}
    for name, links in (stored | dict(matched)).items():
        check = reliability(name, cases, links)
        by_system = consistency_by_system(cases, links)
        means.append(check.consistency)
        ranks = "yes" if check.carries_ranking else "no"
        figures: list[Value] = [check.consistency, check.auc_covered, check.spearman, check.tau, ranks]
        rows.append((name, *figures, *(by_system.get(system) for system in systems)))
    whole = sum(people[case.system] for case in cases) / len(cases)
    rows.insert(0, ("people", whole, None, None, None, None, *(people[system] for system in systems)))
    return TableSection(
        title="How far the number hangs on the matcher",
        intro="The same 200 summaries of nine systems (SummHay): how much of the reference points each system's list makes, "
        "one to one, by people's links, by six language models' stored links, and by the matchers at hand.",
        columns=("matcher", "mean", "AUC", "Spearman", "Kendall", "ranks?", *systems),
        rows=tuple(rows),
        notes=(
            f"The mean is {whole:.2f} by people's links and between {min(means):.2f} and {max(means):.2f} by the matchers: "
            "a consistency figure without its matcher says little.",
            "AUC: covered points against the others. Spearman: consistency by summary, with people's. Kendall: order of the "
            "systems, with people's. Ranks?: whether it carries a ranking of judges by the stated rule.",
        ),
    )
