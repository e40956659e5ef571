"""A matcher against links that people made."""

import asyncio
import random

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from rightly.errors import InputError
from rightly.matchers.base import Link, Match
from rightly.matchers.lexical import LexicalMatcher
from rightly.matchers.validation.human_links import (
    MatcherReliability,
    check_matcher,
    consistency,
    consistency_by_system,
    reliability,
    system_tau,
)
from rightly.matchers.validation.summhay import CoverageCase, load_summhay


def link(reference, candidate, score=1.0):
    return Link(reference=reference, candidate=candidate, score=score)


def case(number, human, *, system="one", cluster=None, n_points=2):
    return CoverageCase(
        topic="news",
        id=f"case-{number}",
        cluster=cluster or f"cluster-{number}",
        system=system,
        points=tuple(f"point {i} of case {number}" for i in range(n_points)),
        bullets=("first", "second", "third"),
        human=tuple(human),
        stored={},
    )


def human_links(cases):
    return {each.id: each.human for each in cases}


def stored_links(name):
    return {each.id: each.stored[name] for each in load_summhay()}


class ScriptedMatcher:
    """Answers with the human links of the case whose points it is shown, except where told to fail."""

    name = fingerprint = "scripted"
    concurrency, smoke_only = 4, True
    free, operating_point, held_out = True, 0.75, None

    def __init__(self, cases, failing=()):
        self._answers = {
            each.points: Match(failure="provider") if each.id in failing else Match(links=each.human) for each in cases
        }

    async def match(self, reference, candidate):
        return self._answers[tuple(reference)]

    async def aclose(self):
        pass


CASES = (
    case(0, [link(0, 0), link(1, 2, 0.5)], system="one"),
    case(1, [link(0, 1)], system="one"),
    case(2, [], system="two"),
    case(3, [link(0, 0, 0.5), link(1, 0, 0.5)], system="three"),
)


def test_reliability_of_human_links_is_perfect():
    cases = load_summhay()
    found = reliability("people", cases, human_links(cases))
    assert (found.auc_covered.value, found.auc_full.value, found.spearman.value) == pytest.approx((1, 1, 1))
    assert (found.precision, found.recall, found.f1, found.tau) == pytest.approx((1, 1, 1, 1))
    assert found.consistency == found.human
    assert found.carries_ranking
    assert "It carries a ranking" in found.lines()[2]


def test_reliability_of_constant_matcher_is_chance():
    everything = {
        each.id: [link(r, c) for r in range(len(each.points)) for c in range(len(each.bullets))] for each in CASES
    }
    found = reliability("blind", CASES, everything)
    assert found.auc_covered.value == found.auc_full.value == 0.5
    assert found.spearman.value is None
    assert found.tau is None
    # Every point's best link is the first bullet: right for three of eight points, of five that people linked.
    assert (found.precision, found.recall) == (3 / 8, 3 / 5)
    assert not found.carries_ranking
    assert "does not carry" in found.lines()[2]


def test_reliability_without_links_has_no_precision():
    found = reliability("silent", CASES, {each.id: () for each in CASES})
    assert (found.precision, found.recall, found.f1) == (None, 0, 0)
    assert found.consistency == found.unconstrained == 0
    assert "precision –" in found.lines()[0]


def test_links_below_threshold_count_in_auc_but_not_in_precision():
    weak = {
        each.id: [link(each_link.reference, each_link.candidate, 0.49) for each_link in each.human] for each in CASES
    }
    found = reliability("weak", CASES, weak)
    assert found.auc_covered.value == 1
    assert (found.precision, found.recall) == (None, 0)


def test_consistency_matches_a_bullet_to_one_point():
    assert consistency(CASES[3].human, 2) == 0.25
    found = reliability("people", CASES, human_links(CASES))
    assert found.consistency == pytest.approx((0.75 + 0.5 + 0 + 0.25) / 4)
    assert found.unconstrained == pytest.approx((0.75 + 0.5 + 0 + 0.5) / 4)


def test_consistency_by_system_is_mean_over_summaries():
    assert consistency_by_system(CASES, human_links(CASES)) == {"one": 0.625, "three": 0.25, "two": 0.0}
    upside_down = {"case-0": (), "case-1": (), "case-2": (link(0, 0), link(1, 1)), "case-3": (link(0, 0),)}
    assert system_tau(CASES, upside_down) == -1


def test_reliability_figures_agree_with_scikit_learn_and_scipy():
    cases, name = load_summhay(), "prompted_gemini-1.5-pro"
    links = stored_links(name)
    found = reliability(name, cases, links)
    people, model = [], []
    for each in cases:
        for point in range(len(each.points)):
            people.append(max((x.score for x in each.human if x.reference == point), default=0))
            model.append(max((x.score for x in links[each.id] if x.reference == point), default=0))
    assert found.auc_covered.value == pytest.approx(roc_auc_score(np.array(people) > 0, model))
    assert found.auc_full.value == pytest.approx(roc_auc_score(np.array(people) == 1, model))
    assert found.n_points == len(people)
    by_model = [consistency(links[each.id], len(each.points)) for each in cases]
    by_people = [consistency(each.human, len(each.points)) for each in cases]
    assert found.spearman.value == pytest.approx(stats.spearmanr(by_model, by_people).statistic)
    assert (found.consistency, found.human) == pytest.approx((np.mean(by_model), np.mean(by_people)))


def test_reliability_intervals_contain_the_value():
    cases, links = load_summhay(), stored_links("prompted_gpt3.5")
    found = reliability("judge", cases, links)
    for estimate in (found.auc_covered, found.auc_full, found.spearman):
        assert estimate.low < estimate.value < estimate.high


def test_reliability_ignores_order_of_links():
    cases, links = load_summhay(), stored_links("prompted_claude3-haiku")
    shuffled = {name: random.Random(name).sample(each, len(each)) for name, each in links.items()}
    assert reliability("judge", cases, shuffled) == reliability("judge", cases, links)


@pytest.mark.parametrize(
    ("auc_low", "spearman_low", "carries"),
    [(0.85, 0.6, True), (0.84, 0.9, False), (0.95, 0.59, False), (None, 0.9, False), (0.95, None, False)],
)
def test_both_lower_bounds_are_needed_to_carry_a_ranking(auc_low, spearman_low, carries):
    found = reliability("people", CASES, human_links(CASES))
    bounded = found.model_copy(
        update={
            "auc_covered": found.auc_covered.model_copy(update={"low": auc_low}),
            "spearman": found.spearman.model_copy(update={"low": spearman_low}),
        }
    )
    assert bounded.carries_ranking == carries


def test_one_subtopic_gives_values_without_intervals():
    cases = [case(n, [link(0, 0)], cluster="one") for n in range(3)]
    cases += [case(3, [], cluster="one")]
    found = reliability("people", cases, human_links(cases))
    for estimate in (found.auc_covered, found.spearman):
        assert estimate.value == pytest.approx(1)
        assert (estimate.low, estimate.high) == (None, None)
    assert not found.carries_ranking
    assert "nan" not in " ".join(found.lines())


def test_failed_matches_are_excluded_and_reported():
    found, links = asyncio.run(check_matcher(ScriptedMatcher(CASES, failing={"case-1"}), CASES, lambda _: None))
    assert (found.n_cases, found.n_failed, found.n_points) == (3, 1, 6)
    assert set(links) == {"case-0", "case-2", "case-3"}
    kept = [each for each in CASES if each.id != "case-1"]
    assert found == reliability("scripted", kept, human_links(kept), n_failed=1)
    assert "1 more failed" in found.lines()[0]


def test_reliability_without_any_match_raises():
    with pytest.raises(InputError, match="every match of broken failed"):
        reliability("broken", CASES, {}, n_failed=4)


def test_match_cases_calls_on_done_for_every_match():
    heard = []
    asyncio.run(check_matcher(ScriptedMatcher(CASES), CASES, heard.append))
    assert len(heard) == len(CASES)


def test_reliability_round_trips_through_json():
    blind = reliability("silent", CASES, {each.id: () for each in CASES})
    for found in (blind, reliability("people", CASES, human_links(CASES))):
        assert MatcherReliability.model_validate_json(found.model_dump_json()) == found


def test_lexical_matcher_reliability_on_summhay():
    found, _ = asyncio.run(check_matcher(LexicalMatcher(), load_summhay(), lambda _: None))
    assert found.n_failed == 0
    assert found.auc_covered.value == pytest.approx(0.86, abs=0.02)
    assert found.consistency < found.human
