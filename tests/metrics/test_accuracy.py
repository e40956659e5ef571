"""Accuracy conventions: JudgeBench's stored judges as worked examples, single cases, and laws."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.metrics.accuracy import combine_orders, order_values, pair_values

# Decisions of two judges on JudgeBench (first order, second order; Right, Wrong, Tie, None), counted from the outputs
# that its authors stored. The official numbers are those of the paper.
O1_MINI = {"RR": 203, "WW": 32, "WR": 43, "RW": 33, "RT": 12, "TR": 15, "TW": 7, "TT": 5}
HAIKU = {"RR": 38, "WW": 43, "TT": 54, "TR": 24, "RT": 21, "WR": 23, "RW": 21, "TW": 21, "WT": 12}
HAIKU |= {"NR": 4, "NT": 4, "NW": 3, "TN": 2}
MEANING = {"R": "A", "W": "B", "T": "tie", "N": None}

verdicts = st.sampled_from(["A", "B", "tie", None])
policies = st.sampled_from(["wrong", "half", "drop"])
rules = st.sampled_from(["failures_wrong", "judgebench", "both_right", "zero_is_half", "per_decision"])
pairs = st.lists(st.tuples(st.sampled_from(["A", "B", "tie"]), verdicts, verdicts), min_size=1, max_size=12)


def judged(counts):
    decisions = list(Counter(counts).elements())
    first, second = ([MEANING[pair[order]] for pair in decisions] for order in (0, 1))
    return ["A"] * len(decisions), first, second


def columns(items):
    return tuple(map(list, zip(*items, strict=True)))


@pytest.mark.parametrize(
    ("counts", "rule", "failures", "expected"),
    [
        (O1_MINI, "judgebench", "wrong", 65.71),
        (O1_MINI, "both_right", "wrong", 58.00),
        (O1_MINI, "zero_is_half", "wrong", 77.29),
        (O1_MINI, "per_decision", "wrong", 75.86),
        (O1_MINI, "failures_wrong", "wrong", 65.71),
        (HAIKU, "judgebench", "wrong", 32.22),
        # Of the 87 pairs that JudgeBench counts as right, four are one right verdict beside a failure.
        (HAIKU, "failures_wrong", "wrong", 100 * 83 / 270),
        (HAIKU, "failures_wrong", "drop", 100 * 83 / 257),
        (HAIKU, "both_right", "wrong", 14.07),
        (HAIKU, "zero_is_half", "wrong", 51.48),
        (HAIKU, "per_decision", "half", 50.28),
        (HAIKU, "per_decision", "wrong", 49.07),
        (HAIKU, "both_right", "drop", 100 * 38 / 257),
    ],
)
def test_one_judge_many_conventions(counts, rule, failures, expected):
    values = pair_values(*judged(counts), rule=rule, failures=failures)
    assert 100 * np.nanmean(values) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(
    ("counts", "order", "expected"), [(O1_MINI, 1, 70.86), (O1_MINI, 2, 74.57), (HAIKU, 1, 29.63), (HAIKU, 2, 32.96)]
)
def test_a_single_order(counts, order, expected):
    judgments = judged(counts)
    values = order_values(judgments[0], judgments[order], failures="wrong")
    assert 100 * values.mean() == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(
    ("rule", "failures", "expected"),
    [
        ("judgebench", "wrong", [0, 0, 1, 1]),
        ("judgebench", "half", [0.5, 0.5, 1, 1]),
        ("judgebench", "drop", [np.nan, np.nan, 1, 1]),
        ("both_right", "wrong", [0, 0, 0, 1]),
        ("both_right", "drop", [np.nan, np.nan, np.nan, 1]),
    ],
)
def test_credit_of_failed_pairs(rule, failures, expected):
    judgments = judged({"NN": 2, "NR": 1, "RR": 1})
    np.testing.assert_array_equal(pair_values(*judgments, rule=rule, failures=failures), expected)
    np.testing.assert_array_equal(order_values(*judgments[:2], failures="drop"), [np.nan, np.nan, np.nan, 1])


def test_a_dropped_order_leaves_the_other():
    values = pair_values(["A"] * 3, ["A", None, None], [None, "tie", None], rule="per_decision", failures="drop")
    np.testing.assert_array_equal(values, [1.0, 0.5, np.nan])


@pytest.mark.parametrize(("verdict", "credit"), [("tie", 1.0), ("A", 0.0), ("B", 0.0), (None, 0.0)])
def test_a_tied_label_wants_a_tie(verdict, credit):
    assert order_values(["tie"], [verdict], failures="wrong", tie=0.5) == credit
    assert pair_values(["tie"], [verdict], [verdict], rule="judgebench", failures="wrong") == credit


@pytest.mark.parametrize("rule", ["judgebench", "per_decision"])
def test_lengths_must_agree(rule):
    with pytest.raises(ValueError, match="shorter"):
        pair_values(["A", "B"], ["A", "B"], ["A"], rule=rule, failures="wrong")


@pytest.mark.parametrize(
    ("first", "second", "combined"),
    [
        ("A", "A", "A"),
        ("tie", "tie", "tie"),
        ("A", "tie", "A"),
        ("tie", "B", "B"),
        ("B", None, None),
        (None, "A", None),
        ("A", "B", "tie"),
        ("tie", None, None),
        (None, None, None),
    ],
)
def test_combine_orders(first, second, combined):
    assert combine_orders(first, second) == combined
    assert combine_orders(second, first) == combined


@given(st.sampled_from(["A", "B"]), verdicts, verdicts)
def test_the_combined_verdict_is_right_exactly_when_the_rule_says_so(label, first, second):
    value = pair_values([label], [first], [second], rule="failures_wrong", failures="wrong")[0]
    assert (combine_orders(first, second) == label) == (value == 1)


@given(st.sampled_from(["A", "B"]), verdicts, verdicts)
def test_judgebench_differs_only_where_one_order_failed_and_the_other_is_right(label, first, second):
    ours, theirs = (
        pair_values([label], [first], [second], rule=rule, failures="wrong")[0]
        for rule in ("failures_wrong", "judgebench")
    )
    assert (ours, theirs) == ((0, 1) if {first, second} == {label, None} else (theirs, theirs))


@given(pairs, rules, policies)
def test_the_order_of_the_two_orders_and_the_names_do_not_matter(items, rule, failures):
    labels, first, second = columns(items)
    values = pair_values(labels, first, second, rule=rule, failures=failures)
    np.testing.assert_array_equal(values, pair_values(labels, second, first, rule=rule, failures=failures))
    renamed = [[{"A": "B", "B": "A"}.get(v, v) for v in column] for column in (labels, first, second)]
    np.testing.assert_array_equal(values, pair_values(*renamed, rule=rule, failures=failures))


@given(pairs)
def test_strict_rules_never_exceed_lenient_ones(items):
    labels, first, second = columns(items)
    strict, ours, official, lenient = (
        pair_values(labels, first, second, rule=rule, failures="wrong")
        for rule in ("both_right", "failures_wrong", "judgebench", "zero_is_half")
    )
    assert (strict <= ours).all()
    assert (ours <= official).all()
    assert (official <= lenient).all()


@given(pairs, rules)
def test_the_policy_moves_failed_pairs_only(items, rule):
    judgments = columns(items)
    wrong, half, drop = (pair_values(*judgments, rule=rule, failures=p) for p in ("wrong", "half", "drop"))
    assert (wrong <= half).all()
    whole = [None not in item for item in items]
    np.testing.assert_array_equal(wrong[whole], half[whole])
    np.testing.assert_array_equal(wrong[whole], drop[whole])
