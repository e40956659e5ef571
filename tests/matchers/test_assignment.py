"""One-to-one assignment."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.matchers.assignment import assign
from rightly.matchers.base import Link


def spots(links):
    return [(link.reference, link.candidate) for link in links]


def test_the_best_sum_wins_over_the_best_single_link():
    links = [
        Link(reference=0, candidate=0, score=1.0),
        Link(reference=0, candidate=1, score=0.9),
        Link(reference=1, candidate=0, score=0.9),
    ]
    assert spots(assign(links)) == [(1, 0), (0, 1)]


def test_assignment_breaks_ties_towards_earlier_reason():
    assert spots(assign([Link(reference=0, candidate=c, score=0.5) for c in (2, 0, 1)])) == [(0, 0)]


def test_zero_links_and_no_links_match_nothing():
    assert assign([]) == []
    assert assign([Link(reference=0, candidate=0, score=0.0)]) == []


def test_a_repeated_link_counts_with_its_best_score():
    assert assign([Link(reference=0, candidate=0, score=s) for s in (0.2, 0.8, 0.4)])[0].score == 0.8


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 3), st.integers(0, 3)),
        st.integers(1, 20).map(lambda twentieth: twentieth / 20),
        max_size=16,
    )
)
def test_assignment_equals_exhaustive_search(scores):
    links = [Link(reference=r, candidate=c, score=s) for (r, c), s in scores.items()]
    found = assign(links)
    best = max(sum(scores.get((r, c), 0) for r, c in enumerate(p)) for p in permutations(range(4)))
    assert sum(link.score for link in found) == pytest.approx(best)
    assert len({link.reference for link in found}) == len({link.candidate for link in found}) == len(found)
