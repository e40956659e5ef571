"""Files in the shapes that upstream publishes."""

import json

import pytest

from rightly.benchmarks.answers import RIGHT, WRONG
from rightly.benchmarks.catalogue import BENCHMARKS
from rightly.benchmarks.stored import stored_answers
from rightly.errors import InputError
from tests.benchmarks.material import item


def write(path, content):
    lines = content if isinstance(content, str) else "".join(json.dumps(row) + "\n" for row in content)
    path.write_text(lines)
    return str(path)


def judgebench_row(one, *decisions):
    judgments = [None if d == "missing" else {"judgment": {}, "decision": d} for d in decisions]
    a, b = one.responses
    return {"pair_id": one.id, "response_A": a, "response_B": b, "label": "A>B", "judgments": judgments}


def test_judgebench_outputs_flip_the_second_decision(tmp_path):
    items = [item(n) for n in range(4)]
    rows = [
        judgebench_row(items[0], "A>B", "B>A"),
        judgebench_row(items[1], "A>B", "A>B"),
        judgebench_row(items[2], "A=B", None),
        judgebench_row(items[3], "A>>B", "missing"),
    ]
    answers = stored_answers(BENCHMARKS["judgebench-gpt"], items, write(tmp_path / "o.jsonl", rows), "m")
    assert [answer.outcomes[0] for answer in answers] == [(1, 1), (1, -1), (0, None), (1, None)]


def test_judgebench_outputs_of_other_responses_are_refused(tmp_path):
    rows = [judgebench_row(item(0), "A>B", "B>A") | {"response_A": "another text"}]
    with pytest.raises(InputError, match=r"o.jsonl:1: pair 'd/0' holds other responses"):
        stored_answers(BENCHMARKS["judgebench-gpt"], [item(0)], write(tmp_path / "o.jsonl", rows), "m")


def test_llmbar_results_are_found_by_their_texts(tmp_path):
    items = [item(0), item(1, label="B")]

    def row(one, *winners):
        results = [{f"swap = {s}": {"winner": w} for s, w in zip((False, True), winners, strict=True)}]
        a, b = one.responses
        return {"input": one.context[0].content, "output_1": a, "output_2": b, "results": results}

    folder = tmp_path / "GPT-4"
    folder.mkdir()
    write(folder / "result.json", json.dumps([row(items[1], "2", None), row(items[0], "1", "2")], indent=1))
    write(folder / "statistics.json", "{}")
    answers = stored_answers(BENCHMARKS["llmbar"], items, str(folder), "m")
    assert [answer.outcomes[0] for answer in answers] == [(1, -1), (1, None)]


def rm_item():
    texts = tuple(f"{kind} {style}" for kind in ("right", "wrong") for style in range(3))
    return item(7, domain="chat", responses=texts, ranks=(RIGHT,) * 3 + (WRONG,) * 3)


def test_rm_bench_results(tmp_path):
    rows = [{"id": 7, "domain": "chat", "score_chosen": [1.0, 2.0, 3.0], "score_rejected": [[0.5], [2.5], [4.0]]}]
    source = write(tmp_path / "r.json", json.dumps(rows))
    answers = stored_answers(BENCHMARKS["rm-bench"], [rm_item()], source, "m")
    assert answers[0].scores == (1.0, 2.0, 3.0, 0.5, 2.5, 4.0)


def test_rewardbench_scores_in_columns(tmp_path):
    items = [item(1, domain="donotanswer"), item(2, domain="math-prm")]
    columns = {
        "id": [2, 1],
        "subset": ["math-prm", "donotanswer"],
        "scores_chosen": [1.0, 3.0],
        "scores_rejected": [2.0, 0.0],
        "model": "org/rm",
    }
    answers = stored_answers(BENCHMARKS["rewardbench"], items, write(tmp_path / "s.jsonl", [columns]), "m")
    assert [answer.outcomes[0] for answer in answers] == [(1,), (-1,)]


def test_rows_of_scores_and_what_is_missing_has_failed(tmp_path):
    rows = [{"id": "d/0", "scores": [0.1, 0.2]}]
    source = write(tmp_path / "s.jsonl", rows)
    answers = stored_answers(BENCHMARKS["pairs"], [item(0), item(1)], source, "m")
    assert [answer.outcomes[0] for answer in answers] == [(-1,), (None,)]
    assert answers[1].failures == {"missing": 1}


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([{"id": "d/0", "scores": [1.0]}], r"s.jsonl:1: item 'd/0': 1 scores for 2 responses"),
        ([{"id": "d/0", "verdict": "A"}], r"s.jsonl:1: item 'd/0' has no scores"),
        ([{"id": "unknown", "scores": [1, 2]}], r"s.jsonl:1: item 'unknown' is not in the data"),
    ],
)
def test_unusable_files_are_named(rows, problem, tmp_path):
    with pytest.raises(InputError, match=problem):
        stored_answers(BENCHMARKS["pairs"], [item(0)], write(tmp_path / "s.jsonl", rows), "m")
