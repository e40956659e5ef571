"""Measure the reliability of any matcher against human links.

Consistency is only as good as the decision "are these two points the same?". Every report therefore prints the result of
this check for its matcher.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from rightly.errors import InputError
from rightly.inference.dispatch import run_bounded
from rightly.matchers.assignment import assign
from rightly.matchers.base import Link, Match, Matcher, graded
from rightly.matchers.validation.summhay import CoverageCase
from rightly.metrics.auc import auc
from rightly.metrics.clustered import statistic_spread
from rightly.metrics.estimate import Estimate, Tested
from rightly.metrics.ranks import rank_correlation
from rightly.types import Frozen

THRESHOLD = 0.5
"""Score at or above which a link counts: partial coverage."""
RANKING_AUC, RANKING_SPEARMAN = 0.85, 0.6
"""Least lower bounds of a matcher that can rank judges: below them, the order reflects the matcher."""

Links = Mapping[str, Sequence[Link]]
"""Links by case id."""


class MatcherReliability(Frozen):
    """Agreement of a matcher with people on SummHay.

    Attributes:
        matcher: Name of the matcher.
        n_cases: Number of matched summaries.
        n_failed: Number of failed matches, which are excluded.
        n_points: Number of reference points of the matched summaries.
        auc_covered: Area under the ROC curve of a point's best score, for covered (fully or in part) against not covered.
        auc_full: Area under the ROC curve of a point's best score, for fully covered against the rest.
        precision: Among points whose best link is at `THRESHOLD` or above, the share for which people named that bullet.
        recall: Among points that people linked, the share whose best link is such a link.
        f1: Harmonic mean of precision and recall.
        spearman: Rank correlation, over summaries, of one-to-one consistency by this matcher and by people.
        tau: Kendall's correlation of the systems' mean consistency with people's.
        consistency: Mean consistency by this matcher.
        human: Mean consistency by people.
        unconstrained: Mean consistency by this matcher without one-to-one.
    """

    matcher: str
    n_cases: int
    n_failed: int
    n_points: int
    auc_covered: Estimate
    auc_full: Estimate
    precision: float | None
    recall: float
    f1: float
    spearman: Estimate
    tau: float | None
    consistency: float
    human: float
    unconstrained: float

    @property
    def carries_ranking(self) -> bool:
        """Whether a ranking of judges by this matcher reflects the judges more than the matcher."""
        return (self.auc_covered.low or 0) >= RANKING_AUC and (self.spearman.low or 0) >= RANKING_SPEARMAN

    def lines(self) -> tuple[str, ...]:
        """The lines that a report prints under results of this matcher."""
        failed = f"; {self.n_failed} more failed and are left out" if self.n_failed else ""
        verdict = "It carries a ranking of judges" if self.carries_ranking else "It does not carry a ranking of judges"
        return (
            f"{self.matcher} against people on SummHay ({self.n_points:,} points of {self.n_cases} summaries{failed}): "
            f"AUC {_shown(self.auc_covered)} for covered against not; links precision {_value(self.precision)}, "
            f"recall {self.recall:.2f}.",
            f"Consistency by summary: Spearman {_shown(self.spearman)} with people's; systems' order: Kendall "
            f"{_value(self.tau)}; mean {self.consistency:.2f} where people's links give {self.human:.2f}.",
            f"{verdict} (rule: lower bounds of AUC at least {RANKING_AUC} and of Spearman at least {RANKING_SPEARMAN}). "
            "Measured on summaries, not on reasons for preferences; contradictions are not tested.",
        )


async def match_cases(
    matcher: Matcher, cases: Sequence[CoverageCase], on_done: Callable[[object], None]
) -> tuple[dict[str, tuple[Link, ...]], int]:
    """The matcher's links by case, and the number of failed matches."""

    async def one(case: CoverageCase) -> tuple[str, Match]:
        return case.id, await graded(matcher, case.points, case.bullets)

    found: dict[str, tuple[Link, ...]] = {}
    async for case_id, match in run_bounded(cases, one, concurrency=matcher.concurrency):
        if match.failure is None:
            found[case_id] = match.links
        on_done(match)
    return found, len(cases) - len(found)


async def check_matcher(
    matcher: Matcher, cases: Sequence[CoverageCase], on_done: Callable[[object], None]
) -> tuple[MatcherReliability, dict[str, tuple[Link, ...]]]:
    """Match all cases and measure the reliability; also returns the links."""
    links, failed = await match_cases(matcher, cases, on_done)
    return reliability(matcher.name, cases, links, failed), links


def reliability(name: str, cases: Sequence[CoverageCase], links: Links, n_failed: int = 0) -> MatcherReliability:
    """Measure links against human links.

    Args:
        name: Name of the matcher.
        cases: Cases with human links.
        links: The matcher's links by case id; a missing case failed and is excluded.
        n_failed: Number of failed matches.

    Raises:
        InputError: Every match failed.
    """
    cases = [case for case in cases if case.id in links]
    if not cases:
        raise InputError(
            f"every match of {name} failed", fix="inspect its answers in the cache, or try another matcher"
        )
    clusters = [case.cluster for case in cases for _ in case.points]
    best = np.array([score for case in cases for score in _best(links[case.id], len(case.points))])
    people = np.array([score for case in cases for score in _best(case.human, len(case.points))])
    by_matcher = np.array([consistency(links[case.id], len(case.points)) for case in cases])
    by_people = np.array([consistency(case.human, len(case.points)) for case in cases])
    precision, recall = _link_accuracy(cases, links)
    return MatcherReliability(
        matcher=name,
        n_cases=len(cases),
        n_failed=n_failed,
        n_points=len(people),
        auc_covered=_estimate(lambda rows: auc(best[rows], people[rows] > 0), clusters),
        auc_full=_estimate(lambda rows: auc(best[rows], people[rows] == 1), clusters),
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / (precision + recall) if precision and recall else 0.0,
        spearman=_correlation(
            lambda rows: rank_correlation(by_matcher[rows], by_people[rows]), [case.cluster for case in cases]
        ),
        tau=system_tau(cases, links),
        consistency=float(by_matcher.mean()),
        human=float(by_people.mean()),
        unconstrained=fmean(fmean(_best(links[case.id], len(case.points))) for case in cases),
    )


def consistency(links: Sequence[Link], n_points: int) -> float:
    """One-to-one consistency of one case."""
    return sum(link.score for link in assign(links)) / n_points


def consistency_by_system(cases: Sequence[CoverageCase], links: Links) -> dict[str, float]:
    """Mean consistency of each system's summaries, by name."""
    values: dict[str, list[float]] = {}
    for case in cases:
        if case.id in links:
            values.setdefault(case.system, []).append(consistency(links[case.id], len(case.points)))
    return {system: fmean(values[system]) for system in sorted(values)}


def system_tau(cases: Sequence[CoverageCase], links: Links) -> float | None:
    """Kendall's tau between the systems' order by these links and by human links; ``None`` if either is constant."""
    from scipy import stats

    found = consistency_by_system(cases, links)
    people = consistency_by_system(cases, {case.id: case.human for case in cases})
    systems = sorted(found)
    if len(set(found.values())) < 2 or len(systems) < 2:
        return None
    result: Any = stats.kendalltau([found[s] for s in systems], [people[s] for s in systems])
    return float(result.statistic)


def _best(links: Sequence[Link], n_points: int) -> list[float]:
    scores = [0.0] * n_points
    for link in links:
        scores[link.reference] = max(link.score, scores[link.reference])
    return scores


def _link_accuracy(cases: Sequence[CoverageCase], links: Links) -> tuple[float | None, float]:
    """Precision and recall of the points' best links, by the bullet that they name."""
    said = right = wanted = 0
    for case in cases:
        people = {(link.reference, link.candidate) for link in case.human}
        best: dict[int, Link] = {}
        for link in sorted(links[case.id], key=lambda each: (-each.score, each.candidate)):
            if link.score >= THRESHOLD:
                best.setdefault(link.reference, link)
        said += len(best)
        right += sum((link.reference, link.candidate) in people for link in best.values())
        wanted += len({reference for reference, _ in people})
    return (right / said if said else None), right / wanted


def _estimate(statistic: Callable[[np.ndarray], float], clusters: Sequence[str]) -> Estimate:
    """The estimate of a statistic in [0, 1], with subtopics as the unit."""
    return Estimate.of(statistic_spread(statistic, clusters))


def _correlation(statistic: Callable[[np.ndarray], float], clusters: Sequence[str]) -> Estimate:
    """The estimate of a statistic in [-1, 1], with subtopics as the unit."""
    found = Tested.of(statistic_spread(statistic, clusters))
    return Estimate(value=found.value, low=found.low, high=found.high, n=found.n)


def _shown(estimate: Estimate) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "–"
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def _value(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
