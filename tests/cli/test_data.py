"""``rightly data``: what a file is read as, what is ignored and refused, and its conversion."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from rightly.cli.data import command
from rightly.data.inspection import inspect_pairs
from rightly.data.load import load_pairs
from rightly.errors import InputError

CASES = Path(__file__).parents[1] / "data" / "rows" / "cases"
GOOD = {"prompt": "p", "chosen": "x", "rejected": "y", "note": "n"}


def write(path, *rows):
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
    return path


def run(*arguments):
    return CliRunner().invoke(command, [str(each) for each in arguments])


def test_check_counts_kinds_names_ignored_columns_and_reads_past_refused_rows(tmp_path):
    file = write(
        tmp_path / "p.jsonl", GOOD, {**GOOD, "chosen": None}, {"other": 1}, {**GOOD, "prompt": "q", "rejected": "z"}
    )
    found = inspect_pairs(str(file))
    assert (found.family, found.rows, found.pairs, found.labelled, found.refused) == ("chosen-rejected", 4, 2, 2, 2)
    assert found.ignored == {"note": 2}
    assert [problem.split(": ")[0] for problem in found.problems] == [f"{file}:2", f"{file}:3"]
    assert found.first == next(load_pairs(write(tmp_path / "one.jsonl", GOOD)))


def test_check_counts_kinds_of_native_pairs(tmp_path):
    votes = [{"annotator": "a", "choice": "A"}]
    rows = [
        {"id": "1", "responses": ["x", "y"], "label": "A", "votes": votes, "rationales": [{"text": "short"}]},
        {"id": "3", "responses": ["x", "y", "z"], "label": "tie"},
        {"id": "2", "responses": ["x", "z"]},
    ]
    found = inspect_pairs(str(write(tmp_path / "p.jsonl", *rows)))
    assert (found.labelled, found.ties, found.unlabelled) == (1, 1, 1)
    assert (found.several, found.with_rationales, found.with_votes, found.refused) == (1, 1, 1, 0)
    assert found.ignored == {}


def test_a_damaged_row_ends_the_reading_and_is_named(tmp_path):
    file = write(tmp_path / "p.jsonl", GOOD, "{broken\n", GOOD)
    found = inspect_pairs(str(file))
    assert (found.pairs, found.refused) == (1, 1)
    assert found.problems[0].startswith(f"{file}:2: ")


def test_check_says_all_of_it_and_exits_with_1_if_a_row_is_refused(tmp_path):
    good = run("check", write(tmp_path / "good.jsonl", GOOD))
    assert good.exit_code == 0
    assert "read as chosen-rejected, 1 of 1 rows are pairs" in good.output
    assert "response A: " in good.output
    assert "ignored columns: note (1 rows)" in good.output
    bad = run("check", write(tmp_path / "bad.jsonl", GOOD, {**GOOD, "chosen": None}), "--json")
    assert bad.exit_code == 1
    assert json.loads(bad.output)["refused"] == 1


def test_convert_writes_native_pairs_once(tmp_path):
    file, target = write(tmp_path / "p.jsonl", GOOD, {**GOOD, "prompt": "q"}), tmp_path / "native.jsonl"
    assert run("convert", file, "--out", target).output == f"2 pairs: {target}\n"
    assert list(load_pairs(target)) == list(load_pairs(file))
    assert inspect_pairs(str(target)).family == "native"
    again = run("convert", file, "--out", target)
    assert isinstance(again.exception, InputError)


def test_convert_of_an_unreadable_file_writes_nothing(tmp_path):
    file = write(tmp_path / "p.jsonl", GOOD, {**GOOD, "chosen": None})
    done = run("convert", file, "--out", tmp_path / "native.jsonl")
    assert isinstance(done.exception, InputError)
    assert f"{file}:2" in str(done.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["p.jsonl"]


def test_an_unknown_file_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        inspect_pairs(str(tmp_path / "none.jsonl"))


@pytest.mark.parametrize("domains", [(None, None), ("a", "a"), ("a", None)])
def test_check_refuses_the_rows_whose_ids_stop_the_loading(domains, tmp_path):
    rows = [{**GOOD, "id": "1", "prompt": str(place), "domain": domain} for place, domain in enumerate(domains)]
    file = write(tmp_path / "p.jsonl", *rows)
    found = inspect_pairs(str(file))
    assert (found.pairs, found.refused) == (1, 1)
    assert found.problems[0].startswith(f"{file}:2: id '1' occurs twice")
    assert run("check", file).exit_code == 1


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir()))
def test_check_exits_with_zero_exactly_if_the_file_loads(name):
    pairs, problem = [], ""
    try:
        pairs.extend(load_pairs(CASES / name))
    except InputError as error:
        problem = str(error)
    done = run("check", CASES / name)
    assert done.exit_code == (1 if problem else 0)
    assert problem in done.output
    assert problem or inspect_pairs(str(CASES / name)).pairs == len(pairs)


TURNS = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "x"}]


@pytest.mark.parametrize(
    "row",
    [
        {"messages": TURNS, "rejected_response": "y"},
        {"instruction": "q", "input": "i", "chosen": "x", "rejected": "y"},
        {"Prompt": "q", "Response_A": "x", "Response_B": "y", "Winner": "A", "system": "s"},
        {"prompt": "q", "chosen": "x", "rejected": "y", "rationales": ["because"], "images": []},
    ],
)
def test_check_names_ignored_columns_of_foreign_rows_and_no_others(row, tmp_path):
    found = inspect_pairs(str(write(tmp_path / "p.jsonl", {**row, "note": "n", "lang": "en"})))
    assert (found.refused, found.ignored) == (0, {"lang": 1, "note": 1})


def test_check_names_unread_parts_of_a_single_message(tmp_path):
    both = {"chosen": {**TURNS[1], "reasoning_content": "r"}, "rejected": TURNS[1]}
    found = inspect_pairs(str(write(tmp_path / "p.jsonl", {"messages": TURNS[:1], **both})))
    assert found.ignored == {"chosen[].reasoning_content": 1}


def test_check_of_a_file_without_rows_is_an_error(tmp_path):
    with pytest.raises(InputError, match="holds no rows"):
        inspect_pairs(str(write(tmp_path / "p.jsonl")))


@pytest.mark.parametrize("limit", [0, -1])
def test_check_needs_a_limit_of_at_least_one(limit, tmp_path):
    file = write(tmp_path / "p.jsonl", GOOD)
    with pytest.raises(InputError, match="expected 1 or more"):
        inspect_pairs(str(file), limit=limit)
    assert "x>=1" in run("check", file, "--limit", limit).output


CHECKLIST = {"context": "2+2?", "response1": "4", "response2": "5", "human-checklist": ["Response 2 is wrong"]}
PREFERRED = {"context": "2+2?", "response1": "4", "response2": "5", "overall_preference": -2}


def test_convert_joins_labels_by_context_and_responses(tmp_path):
    checklists = write(tmp_path / "c.jsonl", CHECKLIST, {**CHECKLIST, "context": "3+1?"})
    votes = [{"score": -2, "reasoning": "r"}]
    labels = write(tmp_path / "l.jsonl", {**PREFERRED, "individual_preference": votes}, {**PREFERRED, "response1": "6"})
    done = run("convert", checklists, "--labels", labels, "--out", tmp_path / "out.jsonl")
    assert done.output == f"2 pairs, 1 without a label: {tmp_path / 'out.jsonl'}\n"
    joined, other = load_pairs(tmp_path / "out.jsonl")
    assert (joined.label, joined.degree, len(joined.votes), other.label) == ("A", 2, 1, None)
    assert joined.rationales[0].text == "Response 2 is wrong"


def test_convert_joins_no_label_that_contradicts_another(tmp_path):
    checklists = write(tmp_path / "c.jsonl", CHECKLIST, {**CHECKLIST, "response2": "7"})
    rows = [PREFERRED, {**PREFERRED, "overall_preference": 1}, {**PREFERRED, "response2": "7"}]
    run("convert", checklists, "--labels", write(tmp_path / "l.jsonl", *rows), "--out", tmp_path / "out.jsonl")
    assert [pair.label for pair in load_pairs(tmp_path / "out.jsonl")] == [None, "A"]


def test_convert_keeps_labels_that_are_there(tmp_path):
    rows = [{**CHECKLIST, "overall_preference": 1}, {**CHECKLIST, "response2": "7"}]
    labels = write(tmp_path / "l.jsonl", PREFERRED, {**PREFERRED, "response2": "7"})
    run("convert", write(tmp_path / "c.jsonl", *rows), "--labels", labels, "--out", tmp_path / "out.jsonl")
    assert [pair.label for pair in load_pairs(tmp_path / "out.jsonl")] == ["B", "A"]


def test_convert_refuses_labels_of_other_pairs(tmp_path):
    labels = write(tmp_path / "l.jsonl", {**PREFERRED, "context": "other"})
    checklists = write(tmp_path / "c.jsonl", CHECKLIST)
    refused = run("convert", checklists, "--labels", labels, "--out", tmp_path / "out.jsonl")
    assert isinstance(refused.exception, InputError)
    assert str(refused.exception).startswith(f"{labels}: gave no pair a label")
    assert not (tmp_path / "out.jsonl").exists()
