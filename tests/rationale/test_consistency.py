"""Metrics of one judgment: hand-made cases with known values, and laws."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.rationale.consistency import average_precision, favors_agree, reason_metrics
from rightly.rationale.matching import Link


def link(reference, candidate, score=1.0):
    return Link(reference=reference, candidate=candidate, score=score)


@pytest.mark.parametrize(("ranks", "true_ap"), [((1, 2), 0.5), ((1, 5), 0.35), ((4, 5), 0.1625)])
def test_true_ranks_matter_and_official_ones_do_not(ranks, true_ap):
    metrics = reason_metrics(4, 5, [link(point, rank - 1) for point, rank in enumerate(ranks)])
    assert metrics.ap_hard == pytest.approx(true_ap)
    assert metrics.ap_soft == pytest.approx(true_ap)
    assert metrics.ap_official == pytest.approx(0.5)
    assert metrics.consistency == pytest.approx(0.5)


def test_one_broad_reason_matches_one_point_only():
    metrics = reason_metrics(4, 1, [link(point, 0) for point in range(4)])
    assert metrics.consistency == 0.25
    assert metrics.unconstrained == 1.0


def test_official_ap_can_exceed_soft_recall():
    metrics = reason_metrics(4, 3, [link(0, 0, 1.0), link(1, 1, 0.25), link(2, 2, 0.25)])
    assert metrics.ap_official == pytest.approx(0.53125)
    assert metrics.consistency == pytest.approx(0.375)


def test_gold_list_and_gold_then_junk():
    gold = [link(i, i) for i in range(3)]
    clean, junk = reason_metrics(3, 3, gold), reason_metrics(3, 9, gold)
    assert (clean.consistency, clean.precision, clean.f1, clean.ap_hard) == (1, 1, 1, 1)
    assert (junk.consistency, junk.ap_hard) == (1, 1)
    assert junk.precision == pytest.approx(1 / 3)
    assert junk.f1 == pytest.approx(0.5)


def test_empty_list_finds_nothing_and_has_no_precision():
    metrics = reason_metrics(3, 0, [])
    assert metrics.consistency == metrics.f1 == metrics.ap_hard == metrics.unconstrained == 0
    assert metrics.precision is None
    assert metrics.precision_official is None


def test_official_precision_divides_by_five_at_most():
    assert reason_metrics(2, 10, [link(0, 0), link(1, 9)]).precision_official == pytest.approx(0.4)


@pytest.mark.parametrize("outside", [link(3, 0), link(0, 2), link(-1, 0)])
def test_links_outside_the_lists_are_refused(outside):
    with pytest.raises(ValueError, match="points outside"):
        reason_metrics(3, 2, [outside])


def test_consistency_needs_human_points():
    with pytest.raises(ValueError, match="undefined"):
        reason_metrics(0, 2, [])


@pytest.mark.parametrize(
    ("verdict", "favors", "agrees"),
    [
        ("A", ["A", "A", "B"], True),
        ("B", ["A", "A", "B"], False),
        ("tie", ["A", "B", None], True),
        ("A", ["A", "B"], False),
        ("A", [None, None], None),
        ("A", [], None),
    ],
)
def test_the_verdict_follows_from_the_list(verdict, favors, agrees):
    assert favors_agree(verdict, favors) is agrees


@st.composite
def links_between_lists(draw):
    n_reference, n_candidate = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    spots = st.tuples(st.integers(0, n_reference - 1), st.integers(0, n_candidate - 1))
    scores = st.integers(1, 100).map(lambda hundredths: hundredths / 100)
    found = draw(st.dictionaries(spots, scores, max_size=20))
    return n_reference, n_candidate, [link(r, c, s) for (r, c), s in found.items()]


@given(links_between_lists())
def test_one_to_one_never_exceeds_unconstrained(case):
    metrics = reason_metrics(*case)
    assert metrics.consistency <= metrics.unconstrained + 1e-9
    assert 0 <= metrics.consistency <= 1
    assert metrics.ap_soft <= metrics.ap_hard + 1e-9 <= 1 + 2e-9


@given(links_between_lists(), st.integers(1, 5))
def test_appended_junk_never_raises_precision_nor_changes_recall(case, junk):
    n_reference, n_candidate, links = case
    before, after = reason_metrics(*case), reason_metrics(n_reference, n_candidate + junk, links)
    assert after.precision <= before.precision
    assert after.consistency == pytest.approx(before.consistency)
    assert after.ap_hard == pytest.approx(before.ap_hard)


@given(st.integers(1, 8), st.randoms())
def test_a_list_agrees_with_itself_in_any_order(n, random):
    order = list(range(n))
    random.shuffle(order)
    metrics = reason_metrics(n, n, [link(r, c) for c, r in enumerate(order)])
    assert metrics.consistency == metrics.precision == metrics.f1 == 1
    assert metrics.ap_hard == pytest.approx(1)


@given(links_between_lists(), st.randoms())
def test_the_order_of_links_changes_nothing(case, random):
    n_reference, n_candidate, links = case
    shuffled = list(links)
    random.shuffle(shuffled)
    assert reason_metrics(n_reference, n_candidate, shuffled) == reason_metrics(n_reference, n_candidate, links)


def test_average_precision_of_a_known_list():
    # hits at ranks 1, 3, 4 of 4 with 3 relevant: (1/1 + 2/3 + 3/4) / 3
    assert average_precision([1, 0, 1, 1], 3) == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
