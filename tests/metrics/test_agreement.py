"""Agreement and ranking against published worked examples."""

import math

import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from rightly.errors import InputError
from rightly.metrics.agreement import cohen_kappa, fleiss_kappa, krippendorff_alpha, percent_agreement
from rightly.metrics.ranking import auc, detection_at


def test_cohen_1960_as_wikipedia_works_it():
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert cohen_kappa(first, second).value == pytest.approx(0.4)
    assert cohen_kappa(first, second).value == pytest.approx(cohen_kappa_score(first, second))
    assert percent_agreement(first, second).value == 0.7


def test_fleiss_1971_as_wikipedia_works_it():
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    ratings = [[category for category, n in enumerate(row) for _ in range(n)] for row in counts]
    assert round(fleiss_kappa(ratings).value, 3) == 0.210


def test_krippendorff_with_missing_labels_as_wikipedia_works_it():
    a = ["*", "*", "*", "*", "*", "3", "4", "1", "2", "1", "1", "3", "3", "*", "3"]
    b = ["1", "*", "2", "1", "3", "3", "4", "3", "*", "*", "*", "*", "*", "*", "*"]
    c = ["*", "*", "2", "1", "3", "4", "4", "*", "2", "1", "1", "3", "3", "*", "4"]
    rows = [[None if label == "*" else int(label) for label in row] for row in zip(a, b, c, strict=True)]
    assert round(krippendorff_alpha(rows).value, 3) == 0.691
    assert round(krippendorff_alpha(rows, level="interval").value, 3) == 0.811


def test_items_without_two_labels_are_left_out_and_counted():
    found = krippendorff_alpha([["A", "A"], ["B", None], ["B", "B"]])
    assert (found.value, found.n, found.n_left_out) == (1.0, 2, 1)
    with pytest.raises(InputError, match="at least one item"):
        krippendorff_alpha([["A", None]])


def test_one_label_only_has_no_chance_to_correct_for():
    assert math.isnan(krippendorff_alpha([["A", "A"], ["A", "A"]]).value)


def test_auc_counts_ties_half_and_agrees_with_sklearn():
    scores, truth = [0.1, 0.4, 0.4, 0.8, 0.8, 0.3], [0, 0, 1, 1, 0, 1]
    assert auc(scores, truth).value == pytest.approx(roc_auc_score(truth, scores))
    assert auc([1, 1], [True, False]).value == 0.5
    assert math.isnan(auc([1, 2], [True, True]).value)


def test_detection_by_hand():
    found = detection_at([0.9, 0.6, 0.4, 0.2], [True, False, True, False], 0.5)
    assert (found.precision, found.recall, found.f1, found.n_flagged) == (0.5, 0.5, 0.5, 2)
    with pytest.raises(ValueError, match="score 1 is NaN"):
        detection_at([0.5, math.nan], [True, False], 0.5)
