"""PandaLM's published agreement and metrics, from its annotators' votes and its judges' stored results."""

from collections import Counter

from rightly.metrics.accuracy import order_accuracy
from rightly.metrics.auc import detection_at
from tests.parity.stored import rows

ROWS = rows("pandalm.jsonl.gz")
CHOICES = {"0": "tie", "1": "A", "2": "B", "Tie": "tie", "garbage": None}


def majority(votes):
    # Three different votes leave the first annotator's, as in PandaLM's script.
    return max(votes, key=votes.count)


LABELS = [CHOICES[str(majority(row["votes"]))] for row in ROWS]


def verdicts(judge):
    return [CHOICES[str(row[judge])] for row in ROWS]


def macro(found):
    classes = [
        detection_at([v == choice for v in found], [label == choice for label in LABELS], threshold=1)
        for choice in ("tie", "A", "B")
    ]
    return [round(100 * sum(getattr(c, name) for c in classes) / 3, 2) for name in ("precision", "recall", "f1")]


def test_labels():
    assert Counter(LABELS) == {"tie": 105, "A": 422, "B": 472}


def test_pandalm_7b():
    found = verdicts("pandalm-7b")
    accuracy = order_accuracy(LABELS, found, failures="wrong")
    assert (round(100 * accuracy.value, 2), accuracy.n, accuracy.n_failed) == (66.77, 999, 0)
    assert macro(found) == [57.38, 57.50, 57.43]


def test_gpt_35_reaches_its_published_numbers_only_when_failures_are_called_ties():
    found = verdicts("gpt-3.5")
    as_ties = [verdict or "tie" for verdict in found]
    assert round(100 * order_accuracy(LABELS, as_ties, failures="wrong").value, 2) == 71.07
    assert macro(as_ties) == [58.79, 57.36, 57.55]
    honest = order_accuracy(LABELS, found, failures="wrong")
    assert (round(100 * honest.value, 2), honest.n, honest.n_failed) == (69.77, 999, 25)
    dropped = order_accuracy(LABELS, found, failures="drop")
    assert (round(100 * dropped.value, 2), dropped.n, dropped.n_failed) == (71.56, 974, 25)
