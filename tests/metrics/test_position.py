"""Position bias: worked cases and laws."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightly.metrics.position import position_bias

verdicts = st.sampled_from(["A", "B", "tie", None])


def test_by_hand():
    bias = position_bias(["A", "A", "tie", "B", "A", None], ["A", "B", "B", "B", "tie", "A"])
    assert (bias.n, bias.n_failed, bias.n_consistent) == (5, 1, 2)
    # First slot: A of pairs 1, 2, 5 in the stored order, B of pairs 2, 3, 4 in the swapped one.
    assert (bias.n_first_slot, bias.n_second_slot) == (6, 2)
    assert (bias.consistency, bias.first_slot_rate, bias.second_slot_rate) == (0.4, 0.6, 0.2)


def test_o1_mini_on_judgebench():
    # 203 pairs right twice, 32 wrong twice, 5 tied twice, of 350.
    first = ["A"] * 203 + ["B"] * 32 + ["tie"] * 5 + ["A"] * 110
    second = ["A"] * 203 + ["B"] * 32 + ["tie"] * 5 + ["B"] * 110
    assert 100 * position_bias(first, second).consistency == pytest.approx(68.57, abs=0.005)


def test_always_the_first_slot():
    bias = position_bias(["A"] * 4, ["B"] * 4)
    assert (bias.consistency, bias.first_slot_rate, bias.second_slot_rate) == (0, 1, 0)


def test_nothing_to_measure():
    bias = position_bias(["A", None], [None, None])
    assert (bias.n, bias.n_failed) == (0, 2)
    assert math.isnan(bias.consistency)
    assert math.isnan(bias.first_slot_rate)


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="shorter"):
        position_bias(["A", "B"], ["A"])


@given(st.lists(st.sampled_from(["A", "B", "tie"]), min_size=1))
def test_a_consistent_judge_prefers_no_slot_whatever_it_prefers(judged):
    bias = position_bias(judged, judged)
    assert bias.consistency == 1
    assert bias.n_first_slot == bias.n_second_slot


@given(st.lists(st.tuples(verdicts, verdicts)))
def test_storing_the_pairs_the_other_way_round_changes_nothing(judged):
    flip = {"A": "B", "B": "A", "tie": "tie", None: None}
    first, second = [one for one, _ in judged], [two for _, two in judged]
    assert position_bias(first, second) == position_bias([flip[v] for v in second], [flip[v] for v in first])
