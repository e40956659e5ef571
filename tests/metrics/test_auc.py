"""Area under the ROC curve: a case by hand, a second implementation, and laws."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from rightly.metrics.auc import auc

scored = st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.booleans()), min_size=1)


def columns(items):
    return [score for score, _ in items], [positive for _, positive in items]


def test_auc_by_hand():
    # Positives .8 and .5 against negatives .5 and .1: three wins and a tie of four.
    assert auc([0.8, 0.5, 0.5, 0.1], [True, True, False, False]) == 3.5 / 4


@pytest.mark.parametrize("positives", [[True, True], [False, False]])
def test_one_kind_alone_has_no_area(positives):
    assert math.isnan(auc([1, 2], positives))


@pytest.mark.parametrize(("scores", "positives"), [([0.1], [True, False]), ([math.nan], [True]), ([[1.0]], [[True]])])
def test_bad_input(scores, positives):
    with pytest.raises(ValueError, match=r"NaN|one each"):
        auc(scores, positives)


@given(scored)
def test_auc_agrees_with_scikit_learn(items):
    scores, positives = columns(items)
    if 0 < sum(positives) < len(positives):
        assert auc(scores, positives) == pytest.approx(roc_auc_score(positives, scores))


@given(scored)
def test_reversing_the_scores_reverses_the_area(items):
    scores, positives = columns(items)
    assert auc(scores, positives) == pytest.approx(1 - auc([-score for score in scores], positives), nan_ok=True)
