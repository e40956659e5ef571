"""Agreement: published examples, a second implementation, and the edges."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from rightly.errors import InputError
from rightly.metrics.agreement import cohen_kappa, fleiss_kappa, krippendorff_alpha, percent_agreement

# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011): four observers, twelve units.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
UNITS = list(zip(*OBSERVERS, strict=True))

# The worked example of the Wikipedia page on Fleiss' kappa: 10 subjects, 14 raters, 5 categories.
FLEISS = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


def test_cohen_by_hand():
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: observed .7, by chance .5.
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    result = cohen_kappa(first, second)
    assert (result.value, result.n, result.n_left_out) == (pytest.approx(0.4), 50, 0)
    assert percent_agreement(first, second).value == 0.7


def test_missing_labels_are_left_out_and_counted():
    first, second = ["A", "B", None, "A"], ["A", "A", "B", None]
    for coefficient in (cohen_kappa, percent_agreement):
        result = coefficient(first, second)
        assert (result.n, result.n_left_out) == (2, 2)
    assert percent_agreement(first, second).value == 0.5


def test_fleiss_published():
    ratings = [[f"category {c}" for c, count in enumerate(row) for _ in range(count)] for row in FLEISS]
    assert fleiss_kappa(ratings).value == pytest.approx(0.210, abs=0.0005)
    result = fleiss_kappa([*ratings, [None] + ["category 0"] * 13])
    assert (result.value, result.n, result.n_left_out) == (pytest.approx(0.210, abs=0.0005), 10, 1)


@pytest.mark.parametrize(("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_krippendorff_published(level, published):
    result = krippendorff_alpha(UNITS, level=level)
    assert (result.value, result.n, result.n_left_out) == (pytest.approx(published, abs=0.0006), 11, 1)


def test_nominal_labels_may_be_strings():
    named = [[None if label is None else f"label {label}" for label in row] for row in UNITS]
    assert krippendorff_alpha(named).value == pytest.approx(krippendorff_alpha(UNITS).value)


def test_one_label_throughout_has_no_kappa():
    assert math.isnan(cohen_kappa(["A", "A"], ["A", "A"]).value)
    assert math.isnan(fleiss_kappa([["A", "A"], ["A", "A"]]).value)
    assert math.isnan(krippendorff_alpha([["A", "A"], ["A", "A"]]).value)
    assert percent_agreement(["A", "A"], ["A", "A"]).value == 1


@pytest.mark.parametrize(
    "call",
    [
        lambda: percent_agreement([], []),
        lambda: cohen_kappa(["A", None], [None, "A"]),
        lambda: fleiss_kappa([]),
        lambda: fleiss_kappa([["A", None]]),
        lambda: krippendorff_alpha([["A", None]]),
    ],
)
def test_nothing_to_agree_on(call):
    with pytest.raises(InputError, match="at least one item"):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: cohen_kappa(["A"], ["A", "B"]),
        lambda: fleiss_kappa([["A", "B"], ["A"]]),
        lambda: krippendorff_alpha([["A"]]),
        lambda: krippendorff_alpha([["A", "B"]], level="ordinal"),
    ],
)
def test_bad_shapes_and_labels(call):
    with pytest.raises(ValueError, match=r"shorter|longer|two or more|could not convert"):
        call()


labelled = st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("ABC")), min_size=1)


@given(labelled)
def test_cohen_agrees_with_scikit_learn(items):
    first, second = zip(*items, strict=True)
    ours = cohen_kappa(first, second).value
    if len({*first, *second}) == 1:
        assert math.isnan(ours)
    else:
        assert ours == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)


@given(labelled, st.permutations("ABC"))
def test_neither_names_nor_order_matter(items, names):
    renamed = [[dict(zip("ABC", names, strict=True))[label] for label in row] for row in reversed(items)]
    for coefficient in (fleiss_kappa, krippendorff_alpha):
        assert coefficient(renamed).value == pytest.approx(coefficient(items).value, nan_ok=True)
