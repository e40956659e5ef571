"""Tables 2 and 3 of "JudgeBench" (Tan et al., 2024), three reward models on the pairs of GPT-4o.

The counts of (first order, second order) decisions, R right and W wrong, were taken from the outputs that the authors stored.
"""

import pytest

from rightly.metrics.accuracy import pair_values

CATEGORIES = ("knowledge", "reasoning", "math", "coding")
MODELS = {
    "Skywork-Reward-Llama-3.1-8B": (
        [{"RR": 91, "WW": 63}, {"RR": 63, "WW": 35}, {"RR": 43, "WW": 13}, {"RR": 21, "WW": 20, "WR": 1}],
        [59.09, 64.29, 76.79, 50.00, 62.29],
    ),
    "InternLM2-7B-Reward": (
        [{"RR": 87, "WW": 67}, {"RR": 60, "WW": 38}, {"RR": 40, "WW": 16}, {"RR": 21, "WW": 21}],
        [56.49, 61.22, 71.43, 50.00, 59.43],
    ),
    "GRM-Gemma-2B": (
        [{"RR": 97, "WW": 57}, {"RR": 52, "WW": 46}, {"RR": 36, "WW": 20}, {"RR": 23, "WW": 19}],
        [62.99, 53.06, 64.29, 54.76, 59.43],
    ),
}


def percent(decisions):
    labels = ["A"] * len(decisions)
    first, second = ([{"R": "A", "W": "B"}[pair[order]] for pair in decisions] for order in (0, 1))
    return round(100 * pair_values(labels, first, second, rule="judgebench", failures="wrong").mean(), 2)


@pytest.mark.parametrize("model", MODELS)
def test_published_rows(model):
    counts, published = MODELS[model]
    decisions = [[pair for pair, count in row.items() for _ in range(count)] for row in counts]
    assert [len(row) for row in decisions] == [154, 98, 56, 42]
    assert [*map(percent, decisions), percent([pair for row in decisions for pair in row])] == published
