"""The demo's check of the matcher sees the scores that are no links."""

import asyncio

from rightly.auditing.told_apart import best_scores
from rightly.jobs.demo import _with_all_scores
from rightly.matchers.base import Link, Match
from rightly.matchers.lexical import LexicalMatcher
from tests.reports.factory import item


class Learned(LexicalMatcher):
    """Links nothing, and scores everything .3."""

    async def match(self, reference, candidate):
        return Match()

    async def graded(self, reference, candidate):
        pairs = [(i, j) for i in range(len(reference)) for j in range(len(candidate))]
        return Match(links=tuple(Link(reference=i, candidate=j, score=0.3) for i, j in pairs))


def test_scores_below_the_operating_point_count_for_the_check_and_not_for_the_item():
    made = item("a")
    without = made.model_copy(
        update={"judgments": tuple(each.model_copy(update={"links": ()}) for each in made.judgments)}
    )
    found = asyncio.run(_with_all_scores(Learned(), [without]))
    assert set(best_scores(found[0]).values()) == {0.3}
    assert set(best_scores(without).values()) == {0.0}
    assert asyncio.run(_with_all_scores(LexicalMatcher(), [without])) == [without]
