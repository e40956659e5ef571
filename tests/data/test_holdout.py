from collections import Counter

import pytest

from rightly.data.holdout import holdout_annotator
from rightly.data.load import load_pairs
from rightly.types import PreferencePair, Rationale, Vote


@pytest.fixture(scope="module")
def sample():
    return list(load_pairs("sample:ukpconvarg1"))


def pair(*rationales, votes=("a", "b")):
    return PreferencePair(
        id="p", responses=("x", "y"), votes=tuple(Vote(annotator=v, choice="A") for v in votes), rationales=rationales
    )


def test_holdout_removes_annotator_from_pair(sample):
    for one in sample[:50]:
        held = holdout_annotator(one, 0)
        assert held.vote in one.votes
        assert held.rationale in one.rationales
        assert held.vote.annotator == held.rationale.annotator == held.annotator
        assert held.annotator not in {v.annotator for v in held.pair.votes}
        assert held.annotator not in {r.annotator for r in held.pair.rationales}
        assert len(held.pair.votes) == len(one.votes) - 1
        assert held.pair.label == one.label


def test_holdout_draw_depends_on_seed_and_not_on_order(sample):
    def draw(pairs, seed):
        return [holdout_annotator(one, seed).annotator for one in pairs]

    reordered = [
        one.model_copy(update={"votes": one.votes[::-1], "rationales": one.rationales[::-1]}) for one in sample
    ]
    assert draw(sample, 0) == draw(reordered, 0) == draw([one.swap() for one in sample], 0)
    assert draw(sample, 0) != draw(sample, 1)


def test_holdout_draw_is_uniform_over_positions(sample):
    places = Counter([v.annotator for v in one.votes].index(holdout_annotator(one, 0).annotator) for one in sample)
    assert min(places.values()) > 60


def test_only_people_with_a_vote_and_a_reason_can_be_held_out():
    reason = Rationale(text="because", annotator="b")
    assert holdout_annotator(pair(), 0) is None
    assert holdout_annotator(pair(Rationale(text="because")), 0) is None
    assert holdout_annotator(pair(Rationale(text=" ", annotator="a")), 0) is None
    assert holdout_annotator(pair(reason, votes=("a",)), 0) is None
    assert holdout_annotator(pair(reason), 0).annotator == "b"


def test_holdout_rotates_annotators_who_vote_on_every_pair():
    reasons = [Rationale(text="because", annotator=who) for who in ("a", "b")]
    pairs = [pair(*reasons).model_copy(update={"id": str(n)}) for n in range(20)]
    assert {holdout_annotator(one, 0).annotator for one in pairs} == {"a", "b"}


def test_in_a_pair_without_votes_a_reason_that_favors_a_response_counts_as_a_vote():
    said = [Rationale(text="because", annotator="a", favors="B"), Rationale(text="and", annotator="b")]
    held = holdout_annotator(pair(*said, votes=()), 0)
    assert (held.annotator, held.vote.choice, held.rationale) == ("a", "B", said[0])
    assert held.pair.rationales == (said[1],)
    assert holdout_annotator(pair(*said, votes=("c",)), 0) is None
