"""Entailment sets as published, gzipped or not, as training rows."""

import gzip
import json

import pytest

from rightly.errors import InputError
from rightly.training.matcher.entailment import READERS, read_entailment
from rightly.training.matcher.labelled import CONTRADICTION, ENTAILMENT, NEUTRAL

PREMISE, HYPOTHESIS = "Three dogs run", "Two dogs run"


def written(folder, name):
    """A file of the set in its published form, one row of each label."""
    labels = ("entailment", "neutral", "contradiction")
    if name == "snli":
        for part in ("dev", "test"):
            for kind, lines in (("s1", [PREMISE] * 3), ("s2", [HYPOTHESIS] * 3), ("labels", labels)):
                (folder / f"{kind}.{part}.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
        return folder
    if name == "breaking_nli":
        rows = [{"sentence1": PREMISE, "sentence2": HYPOTHESIS, "gold_label": each} for each in labels]
        (folder / "b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return folder / "b.jsonl"
    header = {"cad_nli": "sentence1\tsentence2\tgold_label", "conjnli": "\ufeffPremise\tHypothesis\tLabel"}
    header["med"] = "index\tsentence1\tsentence2\tgold_label"
    before = "1\t" if name == "med" else ""
    lines = [header[name], *(f"{before}{PREMISE}\t{HYPOTHESIS}\t{each}" for each in labels)]
    (folder / "t.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "t.tsv"


@pytest.mark.parametrize("name", sorted(READERS))
def test_rows_of_every_set(name, tmp_path):
    rows = list(READERS[name](written(tmp_path, name)))
    assert len(rows) == (6 if name == "snli" else 3)
    for row, label in zip(rows, (ENTAILMENT, NEUTRAL, CONTRADICTION), strict=False):
        # The reason entails the point, so the premise is the reason.
        assert (row.candidate, row.reference, row.nli) == (PREMISE, HYPOTHESIS, label)
        assert row.covers == (label == ENTAILMENT)
        assert row.same == (None if label == ENTAILMENT else 0)


def test_a_quotation_mark_of_a_table_with_tabs_is_text(tmp_path):
    path = tmp_path / "c.tsv"
    path.write_text('Premise\tHypothesis\tLabel\nHe said "no\tShe said yes\tneutral\nA\tB\tneutral\n')
    assert [row.candidate for row in READERS["conjnli"](path)] == ['He said "no', "A"]


def test_the_limit_draws_by_the_seed(tmp_path):
    path = tmp_path / "c.tsv"
    path.write_text("Premise\tHypothesis\tLabel\n" + "".join(f"p{n}\th{n}\tneutral\n" for n in range(50)))
    some = [read_entailment({"conjnli": str(path)}, 10, seed) for seed in (0, 0, 1)]
    assert len(some[0]) == 10
    assert some[0] == some[1] != some[2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tb\n1\t2\n", r"t\.tsv: has no column 'Hypothesis'"),
        ("Premise\tHypothesis\tLabel\np\th\tmaybe\n", r"t\.tsv:2: 'maybe' is no label"),
        ("Premise\tHypothesis\tLabel\np\th\tneutral\np\n", r"t\.tsv:3: lacks a column"),
    ],
)
def test_errors_name_file_and_row(text, message, tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_entailment({"conjnli": str(path)}, 10, 0)


def test_unknown_sets_missing_files_and_parts_of_other_lengths_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"\[data\.entailment\]: 'anli' is no entailment set; use one of breaking_nli"):
        read_entailment({"anli": "x"}, 10, 0)
    with pytest.raises(InputError, match="No such file"):
        read_entailment({"med": str(tmp_path / "none.tsv")}, 10, 0)
    written(tmp_path, "snli")
    (tmp_path / "s1.dev.gz").write_bytes(gzip.compress(b"one line"))
    with pytest.raises(InputError, match=r"s1\.dev, s2\.dev and labels\.dev differ in length"):
        read_entailment({"snli": str(tmp_path)}, 10, 0)
    (tmp_path / "b.jsonl").write_text('{"sentence1": "x"}\n')
    with pytest.raises(InputError, match=r"b\.jsonl:1: is not a row of Breaking NLI"):
        read_entailment({"breaking_nli": str(tmp_path / "b.jsonl")}, 10, 0)
