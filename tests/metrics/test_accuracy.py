"""Outcome accuracy under its conventions, position bias."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.metrics.accuracy import combine_orders, order_accuracy, pair_accuracy, points
from rightly.metrics.position import position_bias

# JudgeBench's stored o1-mini run (GPT-4o pairs): counts of (first, second) decisions, right, wrong or tied.
O1_MINI = {"RR": 203, "WW": 32, "WR": 43, "RW": 33, "RT": 12, "TR": 15, "WT": 0, "TW": 7, "TT": 5}
VERDICT = st.sampled_from(["A", "B", "tie", None])


def decisions(counts):
    said = {"R": "A", "W": "B", "T": "tie", "N": None}
    pairs = [(said[both[0]], said[both[1]]) for both, count in counts.items() for _ in range(count)]
    return ["A"] * len(pairs), [first for first, _ in pairs], [second for _, second in pairs]


@pytest.mark.parametrize(
    ("rule", "published"),
    [("judgebench", 65.71), ("both_right", 58.00), ("zero_is_half", 77.29), ("per_decision", 75.86)],
)
def test_one_run_under_four_conventions(rule, published):
    found = pair_accuracy(*decisions(O1_MINI), rule=rule, failures="wrong")
    assert round(100 * found.value, 2) == published
    assert (found.n, found.n_failed) == (350, 0)


def test_position_of_the_same_run():
    _, first, second = decisions(O1_MINI)
    bias = position_bias(first, second)
    assert round(100 * bias.consistency, 2) == 68.57
    assert bias.n == 350


@pytest.mark.parametrize(("policy", "value", "n"), [("wrong", 1 / 3, 3), ("half", 0.5, 3), ("drop", 0.5, 2)])
def test_the_failure_policy_is_stated_and_matters(policy, value, n):
    found = order_accuracy(["A", "A", "A"], ["A", "B", None], failures=policy)
    assert found.value == pytest.approx(value)
    assert (found.n, found.n_failed, found.policy) == (n, 1, policy)


def test_nothing_but_failures_dropped_is_no_number():
    assert math.isnan(order_accuracy(["A"], [None], failures="drop").value)


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match=r"shorter|longer"):
        order_accuracy(["A", "A"], ["A"], failures="wrong")


@given(st.sampled_from(["A", "B"]), VERDICT, VERDICT)
def test_the_combined_verdict_is_the_label_exactly_when_the_pair_rule_says_right(label, first, second):
    assert (combine_orders(first, second) == label) == (points(label, first) + points(label, second) > 0)


@given(st.lists(st.tuples(st.sampled_from(["A", "B"]), VERDICT, VERDICT), min_size=1))
def test_swapping_the_names_of_all_responses_changes_nothing(rows):
    other = {"A": "B", "B": "A", "tie": "tie", None: None}
    labels, first, second = map(list, zip(*rows, strict=True))
    swapped = [[other[value] for value in column] for column in (labels, first, second)]
    for rule in ("judgebench", "both_right", "zero_is_half", "per_decision"):
        assert pair_accuracy(labels, first, second, rule=rule, failures="wrong") == pair_accuracy(
            *swapped, rule=rule, failures="wrong"
        )


def test_a_judge_that_takes_the_first_slot():
    bias = position_bias(["A"] * 4 + [None], ["B"] * 4 + ["A"])
    assert (bias.n, bias.n_failed, bias.consistency, bias.first_slot_rate, bias.second_slot_rate) == (4, 1, 0, 1, 0)
