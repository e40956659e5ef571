"""Which item a stored row is about is certain or an error: no row is ever taken for another."""

import json
from pathlib import Path

import pytest

from rightly.benchmarks.catalogue import BENCHMARKS
from rightly.benchmarks.protocol import ACCURACY
from rightly.benchmarks.stored import stored_answers
from rightly.errors import InputError
from tests.benchmarks.material import item
from tests.benchmarks.test_stored import judgebench_row, write

SUBSETS = ("Factuality", "Math", "Safety")
COUNT = 4
ITEMS = [
    item(n, domain=subset, responses=(f"right {n}", f"wrong {n}", f"false {n}", f"bad {n}"))
    for subset in SUBSETS
    for n in range(COUNT)
]
RIGHT_FIRST = [[1.0], [0.0], [0.0], [0.0]]


def results(scores=lambda _subset, _n: RIGHT_FIRST, **others):
    return [
        {"subset": subset, "id": str(n), "scores": scores(subset, n), **others}
        for subset in SUBSETS
        for n in range(COUNT)
    ]


def read(path, rows, items=ITEMS):
    return stored_answers(BENCHMARKS["rewardbench2"], items, write(path, rows), "m")


def accuracies(answers):
    table = BENCHMARKS["rewardbench2"].protocols[0].table(answers)
    return [table[subset][ACCURACY] for subset in SUBSETS]


def test_ids_that_repeat_over_subsets_are_told_apart_by_the_subset(tmp_path):
    wrong = [[0.0], [1.0], [0.0], [0.0]]
    rows = results(lambda subset, n: wrong if subset == "Factuality" and n == 2 else RIGHT_FIRST)
    assert accuracies(read(tmp_path / "r.jsonl", rows)) == [0.75, 1, 1]


def columns_of(rows):
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.parametrize("in_columns", [False, True])
def test_an_id_that_repeats_within_a_subset_is_named(tmp_path, in_columns):
    """RewardBench 2's published files: some rows carry ids of others. The last one is not the answer to both."""
    rows = results()
    rows[0]["id"] = "3"
    with pytest.raises(InputError, match=r"r.json:4: .*'Factuality/3'.*row .*r.json:1;"):
        read(tmp_path / "r.json", json.dumps(columns_of(rows)) if in_columns else rows)


def test_ids_alone_that_repeat_over_subsets_are_named(tmp_path):
    rows = [{name: value for name, value in row.items() if name != "subset"} for row in results()]
    with pytest.raises(InputError, match=r"r.jsonl:1: id '0' may be Factuality/0, Math/0, Safety/0; .*subset"):
        read(tmp_path / "r.jsonl", rows)


def test_ids_alone_are_enough_where_they_are_unique(tmp_path):
    rows = [{"id": "0", "scores": RIGHT_FIRST}, {"id": "Factuality/1", "scores": RIGHT_FIRST}]
    answers = read(tmp_path / "r.jsonl", rows, ITEMS[:COUNT])
    assert [bool(answer.scores) for answer in answers] == [True, True, False, False]


def one_wrong(scores):
    return results(lambda subset, n: scores if (subset, n) == ("Math", 1) else RIGHT_FIRST)


@pytest.mark.parametrize(
    ("scores", "problem"),
    [
        ([[0.1, 0.9], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1]], "2 numbers for response 1"),
        ([[1.0], [], [0.0], [0.0]], "0 numbers for response 2"),
        ([1.0, 0.0, float("nan"), 0.0], "NaN for response 3"),
        ([1.0, 0.0, float("inf"), 0.0], "a number beyond range for response 3"),
        ([1.0, None, 0.0, 0.0], "null for response 2"),
        (["1.0", "0.0", "0.0", "0.0"], "the text '1.0' for response 1"),
        ([True, False, False, False], "true for response 1"),
        ([1.0, 0.0, 0.0], "3 scores for 4 responses"),
        (None, "has no scores"),
        ("1.0", "has no scores"),
        ([], "0 scores for 4 responses"),
    ],
)
def test_scores_that_cannot_be_read_are_named_with_their_item(tmp_path, scores, problem):
    with pytest.raises(InputError, match=rf"r.jsonl:6: item 'Math/1'.*{problem}"):
        read(tmp_path / "r.jsonl", one_wrong(scores))


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"subset": "Focus", "id": "1"}, r"subset 'Focus' is none of Factuality, Math, Safety"),
        ({"subset": "Math", "id": "9"}, r"item 'Math/9' is not in the data"),
        ({"subset": "Math"}, r"has no id"),
    ],
)
def test_a_row_of_no_item_is_named(tmp_path, row, problem):
    with pytest.raises(InputError, match=rf"r.jsonl:13: {problem}"):
        read(tmp_path / "r.jsonl", [*results(), row | {"scores": RIGHT_FIRST}])


def test_columns_of_different_lengths_are_named(tmp_path):
    columns = {"id": ["0", "1"], "subset": ["Math", "Math"], "scores": [RIGHT_FIRST]}
    with pytest.raises(InputError, match=r"r.json:1: columns of different lengths \(id 2, subset 2, scores 1\)"):
        read(tmp_path / "r.json", json.dumps(columns))


def test_rows_of_several_files_are_named_by_their_file(tmp_path):
    (tmp_path / "run").mkdir()
    write(tmp_path / "run" / "a.jsonl", results()[:6])
    write(tmp_path / "run" / "b.jsonl", results()[5:])
    with pytest.raises(InputError, match=r"b.jsonl:1: .*'Math/1'.*row .*a.jsonl:6;"):
        stored_answers(BENCHMARKS["rewardbench2"], ITEMS, str(tmp_path / "run"), "m")


def test_a_pair_that_is_judged_twice_is_named(tmp_path):
    one = item(0)
    rows = [judgebench_row(one, "A>B", "B>A"), judgebench_row(one, "B>A", "A>B")]
    with pytest.raises(InputError, match=r"o.jsonl:2: .*'d/0'.*row .*o.jsonl:1;"):
        stored_answers(BENCHMARKS["judgebench-gpt"], [one], write(tmp_path / "o.jsonl", rows), "m")


def test_a_result_of_llmbar_that_is_there_twice_is_named(tmp_path):
    one = item(0)
    a, b = one.responses
    row = {"input": one.context[0].content, "output_1": a, "output_2": b}
    rows = [row | {"results": [{"swap = False": {"winner": w}, "swap = True": {"winner": w}}]} for w in ("1", "2")]
    with pytest.raises(InputError, match=r"result.json:2: .*'question d 0'.*row .*result.json:1;"):
        stored_answers(BENCHMARKS["llmbar"], [one], write(tmp_path / "result.json", json.dumps(rows)), "m")


def test_a_limited_run_reads_a_whole_stored_one(tmp_path):
    """``--limit`` keeps some items; rows of the others are of the benchmark all the same."""
    from click.testing import CliRunner

    from rightly.cli import bench

    data, stored = tmp_path / "data.jsonl", tmp_path / "stored.jsonl"
    wrong = ["wrong", "false", "bad"]
    rows = [
        {"id": str(n), "subset": s, "prompt": f"{s} {n}", "chosen": ["right"], "rejected": wrong}
        for s in SUBSETS
        for n in range(4)
    ]
    write(data, rows)
    write(stored, results())
    arguments = ["rewardbench2", "--data", str(data), "--model", f"m=stored:{stored}", "--limit", "3", "--json"]
    result = CliRunner().invoke(
        bench.command, [*arguments, "--out", str(tmp_path / "run"), "--cache", str(tmp_path / "c.db")]
    )
    assert result.exit_code == 0, result.output + str(result.exception)
    found = {model["model"]: model for model in json.loads(result.stdout)["models"]}["m"]
    assert found["headline"]["value"] == 1
    assert Path(tmp_path / "run" / "answers.jsonl").read_text().count('"model":"m"') == 3
