"""The accuracies and consistencies that LLMBar's authors stored, from the verdicts they stored (50 runs)."""

import pytest

from rightly.metrics.accuracy import order_values, pair_values
from rightly.metrics.position import position_bias
from tests.parity.stored import rows

RUNS = rows("llmbar.jsonl.gz")
VERDICTS = {"1": "A", "2": "B", "-": None}


def verdicts(characters):
    return [VERDICTS[character] for character in characters]


def share(value, n):
    return f"{round(value * n)} / {n} = {value * 100}%"


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run['subset']}:{run['run']}")
def test_stored_statistics_to_the_last_digit(run):
    labels, first, second = (verdicts(run[column]) for column in ("labels", "first", "second"))
    stored, n = run["statistics"], len(labels)
    order = {"failures": "wrong"}
    assert stored["correct_False"] == share(order_values(labels, first, **order).mean(), n)
    assert stored["correct_True"] == share(order_values(labels, second, **order).mean(), n)
    mean = pair_values(labels, first, second, rule="per_decision", **order).mean()
    assert stored["correct_average"] == f"{mean * 100}%"
    both = pair_values(labels, first, second, rule="both_right", **order)
    assert stored["correct_both"] == share(both.mean(), n)
    # Two unusable outputs count as equal verdicts there.
    both_failed = sum(one is two is None for one, two in zip(first, second, strict=True))
    assert stored["equal"] == share((position_bias(first, second).n_consistent + both_failed) / n, n)


def test_all_runs_are_there():
    assert len(RUNS) == 50
    assert sum(2 * len(run["labels"]) for run in RUNS) == 8380
    assert sum((run["first"] + run["second"]).count("-") for run in RUNS) == 13
