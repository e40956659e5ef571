"""Metrics of one judgment: hand-made cases with known values, and laws."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.auditing.consistency import average_precision, favors_agree, reason_metrics
from rightly.matchers.base import Link


def link(reference, candidate, score=1.0):
    return Link(reference=reference, candidate=candidate, score=score)


@pytest.mark.parametrize(("ranks", "true_ap"), [((1, 2), 0.5), ((1, 5), 0.35), ((4, 5), 0.1625)])
def test_average_precision_uses_true_ranks_and_official_one_ignores_them(ranks, true_ap):
    metrics = reason_metrics(4, 5, [link(point, rank - 1) for point, rank in enumerate(ranks)])
    assert metrics.ap_hard == pytest.approx(true_ap)
    assert metrics.ap_soft == pytest.approx(true_ap)
    assert metrics.ap_official == pytest.approx(0.5)
    assert metrics.consistency == pytest.approx(0.5)


def test_one_to_one_matches_a_broad_reason_to_one_point():
    metrics = reason_metrics(4, 1, [link(point, 0) for point in range(4)])
    assert metrics.consistency == 0.25
    assert metrics.unconstrained == 1.0


def test_official_ap_can_exceed_soft_recall():
    metrics = reason_metrics(4, 3, [link(0, 0, 1.0), link(1, 1, 0.25), link(2, 2, 0.25)])
    assert metrics.ap_official == pytest.approx(0.53125)
    assert metrics.consistency == pytest.approx(0.375)


def test_metrics_of_gold_list_and_of_gold_list_with_junk_appended():
    gold = [link(i, i) for i in range(3)]
    clean, junk = reason_metrics(3, 3, gold), reason_metrics(3, 9, gold)
    assert (clean.consistency, clean.precision, clean.f1, clean.ap_hard) == (1, 1, 1, 1)
    assert (junk.consistency, junk.ap_hard) == (1, 1)
    assert junk.precision == pytest.approx(1 / 3)
    assert junk.f1 == pytest.approx(0.5)


def test_empty_list_has_zero_recall_and_no_precision():
    metrics = reason_metrics(3, 0, [])
    assert metrics.consistency == metrics.f1 == metrics.ap_hard == metrics.unconstrained == 0
    assert metrics.precision is None
    assert metrics.precision_official is None


def test_official_metrics_use_five_reasons():
    metrics = reason_metrics(2, 10, [link(0, 0), link(1, 9)])
    assert metrics.precision_official == pytest.approx(1 / 5)
    assert metrics.recall_official == metrics.ap_official == pytest.approx(1 / 2)
    assert metrics.unconstrained == 1
    assert reason_metrics(10, 10, [link(i, i) for i in range(10)]).precision_official == 1


def as_released(answers, n_points, n_reasons):
    """The released analysis in our words: of ``{point: (reason, score)}`` its precision, recall, F1 and average precision.

    Points and reasons count from 1, and a reason of 0 is no match. Of a list the first five reasons exist; an answer that
    names a later one is void. Recall sums over points, precision and average precision over reasons, each with the best
    score that it was named with; the average runs over the reasons that were named, in their order, one place each.
    """
    length = n_reasons if n_reasons < 5 else 5
    standing = {point: named for point, named in answers.items() if named[0] in range(1, length + 1)}
    best = {}
    for reason, score in standing.values():
        best[reason] = score if reason not in best or score > best[reason] else best[reason]
    running = [best[reason] for reason in sorted(best)]
    averages = [sum(running[:place]) / place for place in range(1, len(running) + 1)]
    recall = sum(score for _, score in standing.values()) / n_points
    precision = sum(running) / length
    f1 = 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)
    return precision, recall, f1, sum(averages) / n_points


def test_official_metrics_equal_released_script_on_ten_thousand_lists():
    random = Random(602)
    long = void = 0
    for _ in range(10_000):
        n_points, n_reasons = random.randint(1, 10), random.randint(1, 10)
        scores = [0.0, 0.25, 0.5, 0.75, 1.0, random.random(), random.random()]
        answers = {p: (random.randint(0, n_reasons), random.choice(scores)) for p in range(1, n_points + 1)}
        found = reason_metrics(n_points, n_reasons, [link(p - 1, r - 1, s) for p, (r, s) in answers.items() if r])
        of_script = (found.precision_official, found.recall_official, found.f1_official, found.ap_official)
        assert of_script == pytest.approx(as_released(answers, n_points, n_reasons), rel=0, abs=1e-12)
        long += any(reason > 5 for reason, _ in answers.values())
        void += any(reason and not score for reason, score in answers.values())
    assert min(long, void) > 3000


def test_reason_named_with_score_zero_takes_a_rank_only_in_official_average_precision():
    named, unnamed = (reason_metrics(2, 2, [*zero, link(1, 1)]) for zero in ([link(0, 0, 0.0)], []))
    assert (named.ap_official, unnamed.ap_official) == (0.25, 0.5)
    assert (named.consistency, named.ap_soft, named.ap_hard, named.score_by_rank) == (
        unnamed.consistency,
        unnamed.ap_soft,
        unnamed.ap_hard,
        unnamed.score_by_rank,
    )


@pytest.mark.parametrize("outside", [link(3, 0), link(0, 2), link(-1, 0)])
def test_links_outside_the_lists_are_refused(outside):
    with pytest.raises(ValueError, match="points outside"):
        reason_metrics(3, 2, [outside])


def test_consistency_without_human_points_raises():
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
def test_favors_agree_checks_verdict_against_list(verdict, favors, agrees):
    assert favors_agree(verdict, favors) is agrees


@st.composite
def links_between_lists(draw):
    n_reference, n_candidate = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    spots = st.tuples(st.integers(0, n_reference - 1), st.integers(0, n_candidate - 1))
    scores = st.integers(1, 100).map(lambda hundredths: hundredths / 100)
    found = draw(st.dictionaries(spots, scores, max_size=20))
    return n_reference, n_candidate, [link(r, c, s) for (r, c), s in found.items()]


@given(links_between_lists())
def test_one_to_one_never_exceeds_unconstrained(case):
    metrics = reason_metrics(*case)
    assert metrics.consistency <= metrics.unconstrained + 1e-9
    official = (metrics.recall_official, metrics.precision_official, metrics.ap_official)
    assert all(0 <= value <= 1 for value in (metrics.consistency, metrics.unconstrained, *official))
    assert metrics.ap_soft <= metrics.ap_hard + 1e-9 <= 1 + 2e-9


@given(links_between_lists(), st.integers(1, 5))
def test_appended_junk_never_raises_precision_nor_changes_recall(case, junk):
    n_reference, n_candidate, links = case
    before, after = reason_metrics(*case), reason_metrics(n_reference, n_candidate + junk, links)
    assert after.precision <= before.precision
    assert after.consistency == pytest.approx(before.consistency)
    assert after.ap_hard == pytest.approx(before.ap_hard)


@given(st.integers(1, 8), st.randoms())
def test_consistency_of_list_with_itself_is_one_in_any_order(n, random):
    order = list(range(n))
    random.shuffle(order)
    metrics = reason_metrics(n, n, [link(r, c) for c, r in enumerate(order)])
    assert metrics.consistency == metrics.precision == metrics.f1 == 1
    assert metrics.ap_hard == pytest.approx(1)


@given(links_between_lists(), st.randoms())
def test_reason_metrics_ignore_order_of_links(case, random):
    n_reference, n_candidate, links = case
    shuffled = list(links)
    random.shuffle(shuffled)
    assert reason_metrics(n_reference, n_candidate, shuffled) == reason_metrics(n_reference, n_candidate, links)


def test_average_precision_of_a_known_list():
    # hits at ranks 1, 3, 4 of 4 with 3 relevant: (1/1 + 2/3 + 3/4) / 3
    assert average_precision([1, 0, 1, 1], 3) == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
