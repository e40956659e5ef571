"""Every check of matchers as a table with a row for each matcher, for the terminal and for a page."""

from collections.abc import Iterator, Sequence

from rightly.matchers.validation.atoms import AtomCheck
from rightly.matchers.validation.human_links import MatcherReliability
from rightly.matchers.validation.probes import NEAR_MISSES, ProbeCheck
from rightly.matchers.validation.ranked import OrderCheck
from rightly.matchers.validation.trust import LEAST_RIGHT, MOST_WRONG, Trust
from rightly.matchers.validation.wide import METACRITIQUE, WideChecks
from rightly.reports.numbers import NONE, decimal
from rightly.reports.tables import TableSection, Value

_TRAINED = "* The matcher was trained on another part of this data set."
_ATOMS = {
    METACRITIQUE: "Points of a reference critique, which people labelled as covered by another critique or not; the other "
    "critique is matched as the list of its points.",
}
_JOINED = (
    "Two to four of people's reasons for one side of a claim, joined into one text: is each of them covered, as written and "
    "in other words, and is one that was left out not?"
)


def check_sections(
    trusts: Sequence[Trust], wide: Sequence[WideChecks], stored: Sequence[MatcherReliability]
) -> list[TableSection]:
    """One table for each check, or two.

    Args:
        trusts: Checks that every report needs, by matcher.
        wide: Wider checks of the same matchers, if they were run.
        stored: SummHay's check of language models whose answers are stored.
    """
    sections = [
        _summhay([*(trust.reliability for trust in trusts), *stored]),
        _voters(trusts),
        *_probes([trust.probes for trust in trusts]),
    ]
    sections += [_order(checks) for checks in zip(*(each.orders for each in wide), strict=True)]
    sections += [_coverage(checks) for checks in zip(*(each.atoms for each in wide), strict=True)]
    return sections


def _summhay(checks: Sequence[MatcherReliability]) -> TableSection:
    return TableSection(
        title="SummHay: is a reference point covered by a summary?",
        intro="Labels by people on 200 summaries. A trained matcher is checked on topics that it was not trained on.",
        columns=("matcher", "AUC", "precision", "recall", "Spearman", "mean", "ranks"),
        rows=tuple(
            (
                check.matcher.removeprefix("prompted_"),
                check.auc_covered,
                check.precision,
                check.recall,
                check.spearman,
                check.consistency,
                "yes" if check.carries_ranking else "no",
            )
            for check in checks
        ),
        notes=(
            f"{' or '.join(f'{n:,}' for n in sorted({check.n_points for check in checks}))} points.",
            f"mean: consistency; by people's own links it is {decimal(checks[0].human, 2)}. Spearman: with people's.",
            "ranks: whether the matcher carries a ranking of judges. (stored): answers that are part of the data set.",
        ),
    )


def _voters(trusts: Sequence[Trust]) -> TableSection:
    rows = (trust.voters for trust in trusts)
    return TableSection(
        title="UKPConvArg1: a fellow voter's reason",
        intro="Probability that it scores above a reason for the same vote on another pair, and above one for the opposite "
        "vote on the same pair. 0.5 is blind.",
        columns=("matcher", "pairs", "above\nanother pair's", "above\nopposite vote"),
        rows=tuple((each.matcher, each.n_pairs, each.against_elsewhere, each.against_opposite) for each in rows),
    )


def _probes(checks: Sequence[ProbeCheck]) -> Iterator[TableSection]:
    yield TableSection(
        title="Written probes: the same point",
        intro="Share accepted; the figure to reach is in the header. AUC: paraphrases against near misses.",
        columns=("matcher", "probes", "at", *(f"{kind}\n≥ {least:.2f}" for kind, least in LEAST_RIGHT.items()), "AUC"),
        rows=tuple(
            (each.matcher, each.n, each.accepted_at, *(each.accepted[kind].value for kind in LEAST_RIGHT), each.auc)
            for each in checks
        ),
    )
    yield TableSection(
        title="Written probes: near misses",
        intro=f"Share accepted, at most {MOST_WRONG:.2f} of each kind for a training reward.",
        columns=("matcher", *NEAR_MISSES),
        rows=tuple((each.matcher, *(each.accepted[kind].value for kind in NEAR_MISSES)) for each in checks),
    )
    kinds = list(dict.fromkeys(name.partition(", ")[0] for name in checks[0].by_wording))
    yield TableSection(
        title="Written probes: nearly the same words / other words",
        intro="Share accepted where both were written. A matcher that goes by common words accepts the first near misses.",
        columns=("matcher", *kinds),
        rows=tuple((each.matcher, *(_both(each, kind) for kind in kinds)) for each in checks),
    )


def _both(check: ProbeCheck, kind: str) -> str:
    return " / ".join(decimal(check.by_wording[f"{kind}, {wording}"].value, 2) for wording in ("light", "heavy"))


def _order(checks: Sequence[OrderCheck]) -> TableSection:
    first = checks[0]
    kinds = (first.nearer, *first.above)
    return TableSection(
        title=f"{first.data}: {first.nearer} above {' and '.join(first.above)}",
        intro=f"{first.about} Ties count one half; accepted: share at the operating point.",
        columns=("matcher", *(f"above\n{kind}" for kind in first.above), *(f"accepted\n{kind}" for kind in kinds)),
        rows=tuple(
            (
                _name(each),
                *(each.above[kind] for kind in first.above),
                *(each.accepted[kind].value for kind in kinds),
            )
            for each in checks
        ),
        notes=(f"{first.n + first.n_failed:,} trials.", *_trained(checks)),
    )


def _coverage(checks: Sequence[AtomCheck]) -> TableSection:
    first = checks[0]
    return TableSection(
        title=f"Atomic points: {first.data}",
        intro=f"{_ATOMS.get(first.data, _JOINED)} Ask a trained matcher with ?relation=covers.",
        columns=("matcher", "AUC", *(f"accepted\n{kind}" for kind in first.accepted), "recall"),
        rows=tuple(
            (_name(each), each.auc, *(each.accepted[kind].value for kind in first.accepted), each.recall)
            for each in checks
        ),
        notes=(
            f"{first.n_atoms:,} points of {first.n_cases} texts. recall: mean share of points called covered; by the labels "
            f"it is {NONE if first.true_recall is None else decimal(first.true_recall, 2)}.",
            *_trained(checks),
        ),
    )


def _name(check: OrderCheck | AtomCheck) -> Value:
    return f"{check.matcher} *" if check.trained_on else check.matcher


def _trained(checks: Sequence[OrderCheck] | Sequence[AtomCheck]) -> tuple[str, ...]:
    return (_TRAINED,) if any(each.trained_on for each in checks) else ()
