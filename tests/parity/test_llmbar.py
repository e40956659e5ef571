"""Every statistic that LLMBar's authors stored, from the verdicts they stored (50 runs)."""

import pytest

from rightly.metrics.accuracy import order_accuracy, pair_accuracy
from rightly.metrics.agreement import cohen_kappa
from rightly.metrics.position import position_bias
from tests.parity.stored import rows

RUNS = rows("llmbar.jsonl.gz")
VERDICTS = {"1": "A", "2": "B", "-": None}


def verdicts(characters):
    return [VERDICTS[character] for character in characters]


def share(value, n):
    return f"{round(value * n)} / {n} = {value * 100}%"


def stored_code(verdict):
    # LLMBar's script reads its winners "1" and "2" as if they were "0" and "1" before it takes kappa.
    return 1 if verdict == "A" else 0


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run['subset']}:{run['run']}")
def test_stored_statistics_to_the_last_digit(run):
    labels, first, second = (verdicts(run[column]) for column in ("labels", "first", "second"))
    stored, n = run["statistics"], len(labels)
    order = {"failures": "wrong"}
    assert stored["correct_False"] == share(order_accuracy(labels, first, **order).value, n)
    assert stored["correct_True"] == share(order_accuracy(labels, second, **order).value, n)
    mean = pair_accuracy(labels, first, second, rule="per_decision", **order).value
    assert stored["correct_average"] == f"{mean * 100}%"
    both = pair_accuracy(labels, first, second, rule="both_right", **order)
    assert stored["correct_both"] == share(both.value, n)
    # Two unusable outputs count as equal verdicts there.
    both_failed = sum(one is two is None for one, two in zip(first, second, strict=True))
    assert stored["equal"] == share((position_bias(first, second).n_consistent + both_failed) / n, n)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run['subset']}:{run['run']}")
def test_stored_kappas(run):
    first, second = ([stored_code(verdict) for verdict in verdicts(run[column])] for column in ("first", "second"))
    labels, stored = [int(label) for label in run["labels"]], run["statistics"]
    kappas = [cohen_kappa(first, labels).value, cohen_kappa(second, labels).value]
    assert kappas[0] == pytest.approx(stored["kappa_False"], abs=1e-12)
    assert kappas[1] == pytest.approx(stored["kappa_True"], abs=1e-12)
    assert sum(kappas) / 2 == pytest.approx(stored["kappa_average"], abs=1e-12)
    assert cohen_kappa(first, second).value == pytest.approx(stored["kappa_agreement"], abs=1e-12)


def test_the_stored_kappa_with_the_label_is_not_kappa():
    run = next(run for run in RUNS if (run["subset"], run["run"]) == ("LLMBar/Natural", "GPT-4/Vanilla"))
    kappa = cohen_kappa(verdicts(run["first"]), verdicts(run["labels"])).value
    assert run["statistics"]["correct_False"].startswith("95 / 100")
    assert kappa > 0.85
    assert run["statistics"]["kappa_False"] < 0.3


def test_all_runs_are_there():
    assert len(RUNS) == 50
    assert sum(2 * len(run["labels"]) for run in RUNS) == 8380
    assert sum((run["first"] + run["second"]).count("-") for run in RUNS) == 13
