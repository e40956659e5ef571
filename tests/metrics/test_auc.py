"""AUC and detection: cases by hand, a second implementation, and laws."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from rightly.metrics.auc import auc, detection_at

scored = st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.booleans()), min_size=1)


def columns(items):
    return [score for score, _ in items], [positive for _, positive in items]


def test_auc_by_hand():
    # Positives .8 and .5 against negatives .5 and .1: three wins and a tie of four.
    result = auc([0.8, 0.5, 0.5, 0.1], [True, True, False, False])
    assert (result.value, result.n_positive, result.n_negative) == (3.5 / 4, 2, 2)


def test_detection_by_hand():
    found = detection_at([0.9, 0.6, 0.6, 0.2, 0.1], [True, True, False, True, False], 0.6)
    assert (found.precision, found.recall, found.f1) == (2 / 3, 2 / 3, 2 / 3)
    assert (found.n, found.n_positive, found.n_flagged, found.threshold) == (5, 3, 3, 0.6)


def test_undefined_is_not_a_number():
    assert math.isnan(auc([1, 2], [True, True]).value)
    none_flagged = detection_at([0.1], [True], 0.5)
    assert math.isnan(none_flagged.precision)
    assert (none_flagged.recall, none_flagged.f1) == (0, 0)
    no_positive = detection_at([0.9], [False], 0.5)
    assert math.isnan(no_positive.recall)
    assert (no_positive.precision, no_positive.f1) == (0, 0)
    assert math.isnan(detection_at([], [], 0.5).f1)


@pytest.mark.parametrize(("scores", "positives"), [([0.1], [True, False]), ([math.nan], [True]), ([[1.0]], [[True]])])
def test_bad_input(scores, positives):
    with pytest.raises(ValueError, match=r"NaN|one each"):
        auc(scores, positives)
    with pytest.raises(ValueError, match=r"NaN|one each"):
        detection_at(scores, positives, 0.5)


@given(scored)
def test_auc_agrees_with_scikit_learn(items):
    scores, positives = columns(items)
    if 0 < sum(positives) < len(positives):
        assert auc(scores, positives).value == pytest.approx(roc_auc_score(positives, scores))


@given(scored)
def test_reversing_the_scores_reverses_the_area(items):
    scores, positives = columns(items)
    area, reverse = auc(scores, positives).value, auc([-score for score in scores], positives).value
    assert area == pytest.approx(1 - reverse, nan_ok=True)


@given(scored, st.sampled_from([0.25, 0.5, 1.0]))
def test_detection_agrees_with_scikit_learn(items, threshold):
    scores, positives = columns(items)
    found = detection_at(scores, positives, threshold)
    expected = precision_recall_fscore_support(
        positives, [score >= threshold for score in scores], average="binary", zero_division=math.nan
    )
    if found.n_flagged:
        assert found.precision == pytest.approx(expected[0])
    if found.n_positive:
        assert found.recall == pytest.approx(expected[1])
    if found.n_flagged and found.n_positive:
        assert found.f1 == pytest.approx(expected[2])
