"""The reference gate: which points may not be one point, whatever they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.matchers.response_filter import compatible, damped, same_quantities, same_response, says_nothing
from rightly.references import swap_references

APART = [
    ("Response 1 cites a source", "Response 2 cites a source"),
    ("Response A cites a source", "Response 2 cites a source"),
    ("A1 is rude", "The second argument is rude"),
    ("Unlike A, B gives a source", "A gives a source"),
    ("Compared to Response 2, Response 1 is short", "Response 2 is short"),
    ("Response 1 gives both dates", "Response 2 gives both dates"),
    ("A is longer than B", "B is shorter than A"),
]
TOGETHER = [
    ("Response 1 cites a source", "Response A cites a source"),
    ("Response 1 cites a source", "It cites a source"),
    ("Unlike A, B cites a source", "Response 2 cites a source"),
    ("Compared to Response 2, Response 1 is short", "A is short"),
    ("Both responses are rude", "Response 2 is rude"),
    ("Both Response 1 and Response 2 are rude", "Response 2 is rude"),
    ("Responses 1 and 2 are rude", "B is rude"),
    ("Response A and Response B are rude", "B is rude"),
    ("Neither A nor B cites a source", "Response 2 cites no source"),
    ("A/B: equally rude", "B is rude"),
]
TEXTS = sorted({text for pair in APART + TOGETHER for text in pair})


@pytest.mark.parametrize(("one", "other"), APART)
def test_same_response_rejects_points_about_different_responses(one, other):
    assert not same_response(one, other)


@pytest.mark.parametrize(("one", "other"), TOGETHER)
def test_same_response_accepts_points_about_one_response(one, other):
    assert same_response(one, other)


@given(st.sampled_from(TEXTS), st.sampled_from(TEXTS))
def test_same_response_is_symmetric_in_sides_and_arguments(one, other):
    assert same_response(one, other) == same_response(other, one)
    assert same_response(one, other) == same_response(swap_references(one), swap_references(other))
    assert same_response(one, one)


@pytest.mark.parametrize(
    ("reference", "candidate", "same"),
    [
        ("A cites two studies", "two papers back A up", True),
        ("A cites two studies", "A cites 2 studies", True),
        ("A cites two studies", "A cites five studies", False),
        ("A cites two studies", "A cites studies", True),
        ("Response 1 is short", "Response 1 has 3 parts", True),
        ("sales fell by 12%", "sales fell by 1,200 units", False),
        ("Response 2 lists 3 of 5 causes", "B lists three causes", True),
    ],
)
def test_same_quantities_rejects_different_numbers(reference, candidate, same):
    assert same_quantities(reference, candidate) is same


@pytest.mark.parametrize(
    ("candidate", "empty"),
    [
        ("Response A is better overall", True),
        ("A1 is the more convincing argument.", True),
        ("I agree with this one", False),
        ("Response A cites a source", False),
        ("A is better because it is shorter", False),
        ("B", True),
    ],
)
def test_says_nothing_recognises_vague_verdicts(candidate, empty):
    assert says_nothing(candidate) is empty


@pytest.mark.parametrize(
    ("reason", "open_"),
    [
        ("Response A gives three causes", True),
        ("Response B gives three causes", False),
        ("Response A gives four causes", False),
        ("Response A is better", False),
    ],
)
def test_every_rule_must_let_a_reason_match(reason, open_):
    assert compatible("Response A lists 3 causes", reason) is open_


def test_rejected_scores_are_damped_in_their_order():
    found = damped(np.array([0.9, 0.9, 0.5]), np.array([False, True, True]))
    np.testing.assert_allclose(found, [0.9, 0.18, 0.1])
