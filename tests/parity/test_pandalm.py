"""PandaLM's published agreement and metrics, from its annotators' votes and its judges' stored results."""

from collections import Counter

import numpy as np

from rightly.metrics.accuracy import order_values
from tests.parity.stored import rows

ROWS = rows("pandalm.jsonl.gz")
CHOICES = {"0": "tie", "1": "A", "2": "B", "Tie": "tie", "garbage": None}


def majority(votes):
    # Three different votes leave the first annotator's, as in PandaLM's script.
    return max(votes, key=votes.count)


LABELS = [CHOICES[str(majority(row["votes"]))] for row in ROWS]


def verdicts(judge):
    return [CHOICES[str(row[judge])] for row in ROWS]


def percent(found, failures):
    values = order_values(LABELS, found, failures=failures)
    return round(100 * float(np.nanmean(values)), 2), int((~np.isnan(values)).sum())


def test_labels():
    assert Counter(LABELS) == {"tie": 105, "A": 422, "B": 472}


def test_pandalm_7b():
    found = verdicts("pandalm-7b")
    assert percent(found, "wrong") == (66.77, 999)


def test_gpt_35_reaches_its_published_numbers_only_when_failures_are_called_ties():
    found = verdicts("gpt-3.5")
    assert percent([verdict or "tie" for verdict in found], "wrong") == (71.07, 999)
    assert percent(found, "wrong") == (69.77, 999)
    assert percent(found, "drop") == (71.56, 974)
