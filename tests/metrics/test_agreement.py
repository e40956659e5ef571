"""Krippendorff's alpha: the published example, laws, and the edges."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.metrics.agreement import krippendorff_alpha

# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011): four observers, twelve units.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
UNITS = list(zip(*OBSERVERS, strict=True))


def test_published_alpha():
    assert krippendorff_alpha(UNITS) == pytest.approx(0.743, abs=0.0006)


def test_labels_may_be_strings():
    named = [[None if label is None else f"label {label}" for label in row] for row in UNITS]
    assert krippendorff_alpha(named) == pytest.approx(krippendorff_alpha(UNITS))


def test_items_with_fewer_than_two_labels_are_left_out():
    assert krippendorff_alpha([*UNITS, [None, 6, None, None], [None] * 4]) == krippendorff_alpha(UNITS)


@pytest.mark.parametrize("ratings", [[], [["A"], ["B"]], [["A", None]], [["A", "A"], ["A", "A"]]])
def test_alpha_is_undefined_without_two_labels_of_an_item_or_with_one_label_throughout(ratings):
    assert math.isnan(krippendorff_alpha(ratings))


def test_rows_must_have_one_length():
    with pytest.raises(ValueError, match="one place for each rater"):
        krippendorff_alpha([["A", "B"], ["A"]])


@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("ABC")), min_size=1),
    st.permutations("ABC"),
)
def test_neither_names_nor_order_matter(items, names):
    renamed = [[dict(zip("ABC", names, strict=True))[label] for label in row] for row in reversed(items)]
    assert krippendorff_alpha(renamed) == pytest.approx(krippendorff_alpha(items), nan_ok=True)
