"""A matcher on real reasons for votes."""

import asyncio
import random

import pytest

from rightly.data.load import load_pairs
from rightly.matchers.base import Link, Match
from rightly.matchers.lexical import LexicalMatcher
from rightly.matchers.validation.voters import VoterCheck, check_voters
from rightly.types import Message, PreferencePair, Rationale, Vote


def pair(number, reasons, *, debate=None):
    """A pair with one annotator for each (vote, reason)."""
    return PreferencePair(
        id=f"pair-{number:03}",
        context=(Message(role="user", content=debate or f"debate {number}"),),
        responses=("one argument", "another argument"),
        label="A",
        votes=tuple(Vote(annotator=f"w{i}", choice=choice) for i, (choice, _) in enumerate(reasons)),
        rationales=tuple(Rationale(annotator=f"w{i}", text=text) for i, (_, text) in enumerate(reasons)),
    )


class FunctionMatcher:
    """Scores by a function of two texts; remembers the lists it was shown."""

    name = fingerprint = "function"
    concurrency, smoke_only = 4, True
    free, operating_point, held_out = True, 0.75, None

    def __init__(self, score, failing=lambda candidate: False):
        self._score, self._failing, self.shown = score, failing, []

    async def match(self, reference, candidate):
        self.shown.append((tuple(reference), tuple(candidate)))
        await asyncio.sleep(random.random() / 1000)
        if self._failing(candidate):
            return Match(failure="unparsed", detail="no answer")
        scores = {(r, c): self._score(a, b) for r, a in enumerate(reference) for c, b in enumerate(candidate)}
        return Match(links=tuple(Link(reference=r, candidate=c, score=s) for (r, c), s in scores.items() if s > 0))

    async def aclose(self):
        pass


def check(matcher, pairs, **options):
    return asyncio.run(check_voters(matcher, pairs, lambda _: None, **options))


def topic(text):
    return text.split()[0]


PAIRS = [
    pair(n, [("A", f"topic{n} reason {i}") for i in range(3)] + [("B", f"against{n} reason")], debate=f"debate {n % 4}")
    for n in range(12)
]


def test_voter_check_of_topic_matcher_is_one_and_of_its_opposite_zero():
    knows = check(FunctionMatcher(lambda one, other: float(topic(one) == topic(other))), PAIRS)
    assert (knows.n_pairs, knows.n_failed) == (12, 0)
    assert (knows.against_elsewhere.value, knows.against_opposite.value) == (1, 1)
    inverted = check(FunctionMatcher(lambda one, other: float(topic(one) != topic(other))), PAIRS)
    assert (inverted.against_elsewhere.value, inverted.against_opposite.value) == (0, 0)


@pytest.mark.parametrize("score", [0.0, 0.7])
def test_voter_check_of_constant_matcher_is_half(score):
    found = check(FunctionMatcher(lambda one, other: score), PAIRS)
    assert (found.against_elsewhere.value, found.against_opposite.value) == (0.5, 0.5)


def test_voter_check_of_first_item_matcher_is_half():
    class First(FunctionMatcher):
        async def match(self, reference, candidate):
            return Match(links=(Link(reference=0, candidate=0, score=1.0),))

    many = [pair(n, [("A", f"a{n}"), ("A", f"b{n}"), ("B", f"c{n}")]) for n in range(400)]
    found = check(First(None), many)
    assert found.against_elsewhere.value == pytest.approx(0.5, abs=0.08)
    assert found.against_opposite.value == pytest.approx(0.5, abs=0.08)


def test_voter_check_excludes_voters_own_reason():
    matcher = FunctionMatcher(lambda one, other: 0.0)
    check(matcher, PAIRS)
    for reference, candidate in matcher.shown:
        assert len(reference) == 2
        assert len(candidate) == 3
        assert not set(reference) & set(candidate)


def test_voter_check_needs_two_reasons_for_one_side():
    lonely = pair(50, [("A", "alone"), ("B", "alone too"), ("tie", "equal"), ("tie", "equal again")])
    silent = pair(51, [("A", " "), ("A", "one reason")])
    equal = pair(52, [("tie", "as good"), ("tie", "as bad"), ("A", "one reason")])
    found = check(FunctionMatcher(lambda one, other: 0.5), [*PAIRS, lonely, silent, equal])
    assert found.n_pairs == len(PAIRS)


def test_voter_check_of_one_debate_has_no_interval():
    same = [each.model_copy(update={"context": PAIRS[0].context}) for each in PAIRS]
    assert check(FunctionMatcher(lambda one, other: 0.5), same).against_elsewhere.low is None
    assert check(FunctionMatcher(lambda one, other: 0.5), PAIRS).against_elsewhere.low is not None


def test_pairs_without_opposite_vote_count_only_in_against_elsewhere():
    agreed = [pair(60 + n, [("A", f"topic{60 + n} x"), ("A", f"topic{60 + n} y")]) for n in range(5)]
    found = check(FunctionMatcher(lambda one, other: 0.5), [*PAIRS, *agreed])
    assert (found.against_elsewhere.n, found.against_opposite.n) == (17, 12)


def test_voter_check_without_pairs_is_not_a_number():
    found = check(FunctionMatcher(lambda one, other: 0.5), PAIRS[:1])
    assert (found.n_pairs, found.against_elsewhere.value, found.against_opposite.value) == (0, None, None)
    assert "–" in found.line()
    assert VoterCheck.model_validate_json(found.model_dump_json()) == found


def test_voter_check_excludes_and_reports_failed_matches():
    failing = FunctionMatcher(
        lambda one, other: float(topic(one) == topic(other)), lambda candidate: any("topic3 " in c for c in candidate)
    )
    found = check(failing, PAIRS)
    assert found.n_failed > 0
    assert found.n_pairs + found.n_failed == 12
    assert f"{found.n_failed} more failed" in found.line()


def test_voter_check_ignores_order_of_pairs_and_answers():
    def score(one, other):
        return (hash_of(one) ^ hash_of(other)) % 97 / 97

    first = check(FunctionMatcher(score), PAIRS)
    assert check(FunctionMatcher(score), PAIRS[::-1]) == first
    assert check(FunctionMatcher(score), random.Random(3).sample(PAIRS, len(PAIRS))) == first


def test_voter_check_seed_changes_drawn_reasons():
    one, other = FunctionMatcher(lambda a, b: 0.5), FunctionMatcher(lambda a, b: 0.5)
    check(one, PAIRS, seed=0)
    check(other, PAIRS, seed=1)
    assert set(one.shown) != set(other.shown)


def test_lexical_matcher_is_near_chance_on_voter_check():
    found = check(LexicalMatcher(), list(load_pairs("sample:ukpconvarg1")))
    assert (found.n_pairs, found.n_failed) == (480, 0)
    assert 0.5 < found.against_elsewhere.value < 0.65
    assert 0.5 < found.against_opposite.value < 0.65


def hash_of(text):
    return sum(ord(letter) * place for place, letter in enumerate(text, start=1))
