"""One tolerance decides what is a tie, in every accuracy."""

import math

import numpy as np
import pytest

from rightly.benchmarks.answers import RIGHT, WRONG, from_scores
from rightly.benchmarks.catalogue import BENCHMARKS
from rightly.benchmarks.protocol import ACCURACY
from rightly.benchmarks.rewardbench2 import TIES
from rightly.metrics.preference import evaluate_margins
from rightly.metrics.ties import TIE, decided
from tests.benchmarks.material import item

NOISE = TIE / 2


def test_differences_within_the_tolerance_are_0_and_others_stay_as_they_are():
    found = decided([NOISE, -TIE, 2 * TIE, -1.0, 0.0, math.nan])
    assert found[:5].tolist() == [0, 0, 2 * TIE, -1, 0]
    assert np.isnan(found[5])


def test_rounding_noise_is_no_win_in_an_accuracy():
    noisy = evaluate_margins(
        [NOISE, -NOISE, 1.0, NOISE], lengths=[[2, 1], [1, 2], [1, 1], [2, 1]], strengths=[1, 1, 2, 2]
    )
    exact = evaluate_margins([0.0, 0.0, 1.0, 0.0], lengths=[[2, 1], [1, 2], [1, 1], [2, 1]], strengths=[1, 1, 2, 2])
    assert (noisy.ties, noisy.accuracy) == (3, 0.25)
    assert noisy == exact
    assert evaluate_margins([NOISE, -NOISE], ties="half").accuracy == 0.5


def test_rounding_noise_is_a_tie_of_a_benchmark():
    answers = from_scores([item(0), item(1), item(2)], "m", {"d/0": [NOISE, 0], "d/1": [0, NOISE], "d/2": [2 * TIE, 0]})
    assert [answer.outcomes for answer in answers] == [((0,),), ((0,),), ((1,),)]


def ties_item(name, right, wrong, domain):
    responses = tuple(f"{name} {n}" for n in range(right + wrong))
    return item(name, domain=domain, responses=responses, ranks=(RIGHT,) * right + (WRONG,) * wrong)


@pytest.mark.parametrize("noise", [NOISE, -NOISE])
def test_rounding_noise_shares_the_credit_of_the_best_of_four(noise):
    one = ties_item("1", 1, 3, "Focus")
    table = BENCHMARKS["rewardbench2"].protocols[0].table(from_scores([one], "m", {one.id: [1 + noise, 1, 0, 0]}))
    assert table["Focus"][ACCURACY] == 0.5


@pytest.mark.parametrize("noise", [0.0, NOISE / 2, -NOISE / 2])
def test_rounding_noise_changes_nothing_in_the_ties_of_rewardbench_2(noise):
    """The right answers are as far apart as they are from the wrong one, and the lone right one ties with the wrong one."""
    items = [ties_item("ref:1", 1, 1, TIES), ties_item("tied:1", 2, 1, TIES)]
    scores = {items[0].id: [1 + noise, 1.0], items[1].id: [2.0, 1 + noise, 0.0]}
    table = BENCHMARKS["rewardbench2"].protocols[0].table(from_scores(items, "m", scores))
    assert table[TIES][ACCURACY] == pytest.approx(0.3 + 0.01 * math.tanh(-1), abs=1e-4)
