"""Voters' reasons and ComVE's as ranked rows."""

import csv
import gzip

import pytest

from rightly.data.load import load_pairs
from rightly.errors import InputError
from rightly.training.matcher.reasons import from_comve, from_votes


def test_rows_from_votes_keep_the_order_that_votes_imply():
    pairs = list(load_pairs("sample:ukpconvarg1"))
    reasons = {}
    for pair in pairs:
        votes = {vote.annotator: vote.choice for vote in pair.votes}
        for reason in pair.rationales:
            reasons.setdefault(reason.text, set()).add((pair.id, votes.get(reason.annotator)))
    rows = list(from_votes(pairs))
    assert len(rows) > 1000
    for row in rows:
        same = reasons[row.reference] & reasons[row.nearer]
        assert {choice for _, choice in same} & {"A", "B"}
        if row.kind == "opposite vote":
            assert {pair for pair, _ in reasons[row.reference]} & {pair for pair, _ in reasons[row.farther]}


def test_rows_from_comve(tmp_path):
    columns = ["Correct Statement", "Incorrect Statement", "Right Reason1", "Confusing Reason1", "Confusing Reason2"]
    columns += ["Right Reason2", "Right Reason3"]
    path = tmp_path / "train.csv.gz"
    with gzip.open(path, "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([columns, ["He drinks milk", "He drinks an apple", "r1", "c1", "c2", "r2", "r3"]])
    for name in ("train.csv.gz", "train.csv"):  # the name as published finds the gzipped file
        rows = list(from_comve(tmp_path / name))
        assert [row.reference for row in rows] == ["r1", "r2", "r3"]
        assert all(row.nearer.startswith("r") and row.nearer != row.reference for row in rows)
        assert all(row.farther.startswith("c") for row in rows)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"other\.csv: has no column 'Confusing Reason1'"):
        list(from_comve(tmp_path / "other.csv"))
    with pytest.raises(InputError, match="No such file"):
        list(from_comve(tmp_path / "none.csv"))
