"""docs/data.md is true: its output is what the command prints, and its rows are read as it says."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from rightly.cli.data import command
from rightly.data.columns import FAMILIES, recognise
from rightly.data.inspection import inspect_pairs
from rightly.data.layouts import as_known
from rightly.data.load import load_pairs

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
ROWS = [line.split("`")[1] for line in PAGE.splitlines() if line.startswith("|") and "`{" in line]


def test_the_page_opens_with_the_real_output_of_check(monkeypatch):
    monkeypatch.chdir(ROOT / "tests" / "data" / "rows" / "cases")
    assert "rightly data check ultra_tie.jsonl" in PAGE.split("```")[1]
    printed = CliRunner().invoke(command, ["check", "ultra_tie.jsonl"]).output
    assert PAGE.split("```")[3].strip().splitlines() == printed.rstrip().splitlines()


@pytest.mark.parametrize("row", ROWS, ids=range(len(ROWS)))
def test_a_row_to_copy_is_read_completely_and_lima_is_better(row, tmp_path):
    (pair,) = load_pairs([json.loads(row)])
    assert "Capital of Peru?" in pair.context[-1].content
    assert "Quito" in pair.responses
    assert pair.responses[pair.choices.index(str(pair.label))] == "Lima"
    file = tmp_path / "pairs.jsonl"
    file.write_text(row + "\n", encoding="utf-8")
    found = inspect_pairs(str(file))
    assert (found.refused, found.ignored.keys() - {"model_a", "model_b"}) == (0, set())


def test_every_family_has_a_row_to_copy():
    assert {recognise(frozenset(as_known(json.loads(row)))).name for row in ROWS} == set(FAMILIES)


FURTHER = {
    "system": "s",
    "rationales": ["because"],
    "domain": "d",
    "subset": "d",
    "margin": 2,
    "weight": 0.5,
    "target": 0.9,
}
BESIDE = {
    "chosen-rejected": FURTHER.keys(),
    "judgebench": {"system", "rationales", "domain"},
    "helpsteer3": {"system", "rationales", "domain"},
    "rationalerm": {"system", "rationales", "domain"},
    "r-align": {"system", "rationales"},
}


@pytest.mark.parametrize("row", [row for row in ROWS if '"responses"' not in row], ids=range(len(ROWS) - 1))
def test_further_columns_are_read_beside_the_rows_that_the_page_names(row):
    known = json.loads(row)
    family = recognise(frozenset(as_known(known))).name
    (plain,) = load_pairs([known])
    named = BESIDE.get(family, {"system", "rationales"})
    if plain.ranks is not None:
        named = named - {"margin", "target"}
    changed = {
        name
        for name, value in FURTHER.items()
        if next(load_pairs([{**known, name: value}])).model_copy(update={"id": plain.id}) != plain
    }
    assert changed == named
