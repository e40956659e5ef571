"""Answers of judges in every shipped format, written by hand in the form that its publication describes.

One file per format: ``answer``; the ``verdict`` in the names shown, ``null`` if it must stay unread; the ``scores``; the
``reasons`` as texts, as a number, as ``prose``, or ``null``; ``responses`` if more than two are shown; and ``adversarial``
for an answer that tempts a reader to a wrong verdict.
"""

import json
from pathlib import Path

import pytest

from rightly.judges.declared import read_answer
from rightly.judges.format import format_names, load_format

FOLDER = Path(__file__).parent / "golden"
GOLDEN = {
    path.stem: [json.loads(line) for line in path.read_bytes().split(b"\n") if line]
    for path in sorted(FOLDER.glob("*.jsonl"))
}
GOLDEN["rewardbench2-ties"] = GOLDEN["rewardbench2-ratings"]  # another prompt, the same form of answer
ANSWERS = [(name, row) for name, rows in GOLDEN.items() for row in rows]


def reasons_of(parsed):
    if parsed.prose:
        return "prose"
    return [reason.text for reason in parsed.rationales] or None


@pytest.mark.parametrize(("name", "row"), ANSWERS, ids=[f"{name}: {row['name']}" for name, row in ANSWERS])
def test_golden_answer_is_read(name, row):
    form = load_format(name)
    responses = 1 if form.compares == "each" else row.get("responses", 2)
    parsed = read_answer(row["answer"], form, responses)
    assert parsed.verdict == row["verdict"], parsed.problem
    assert list(parsed.scores) == row.get("scores", [])
    reasons = reasons_of(parsed)
    if row["verdict"] is None and "scores" not in row:
        assert parsed.problem  # its reasons are not used
    else:
        assert (len(reasons or ()) if isinstance(row["reasons"], int) else reasons) == row["reasons"]


@pytest.mark.parametrize("name", format_names())
def test_every_format_has_golden_answers(name):
    rows = GOLDEN[name]
    honest = [row for row in rows if not row["adversarial"]]
    unread = [row["name"] for row in honest if row["verdict"] is None and "scores" not in row]
    assert len(rows) >= 12
    assert len(rows) - len(honest) >= 3
    assert len(unread) <= len(honest) / 10
