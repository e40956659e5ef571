"""Data of benchmarks from files: shapes, checks, what is missing."""

import json

import pytest

from rightly.benchmarks.benchmark import Expected, fingerprint
from rightly.benchmarks.catalogue import BENCHMARKS, benchmark_named
from rightly.errors import InputError
from tests.benchmarks.material import item

RM_ROW = {"id": 3, "prompt": "q", "chosen": ["a", "b", "c"], "rejected": ["d", "e", "f"]}


def test_rm_bench_reads_domain_files_and_the_whole(tmp_path):
    (tmp_path / "chat_filtered.json").write_text(json.dumps([RM_ROW]))
    (tmp_path / "notes.json").write_text("{}")
    by_file = BENCHMARKS["rm-bench"].load(str(tmp_path))
    whole = tmp_path / "total_dataset.json"
    whole.write_text(json.dumps([RM_ROW | {"id": "chat/3", "domain": "chat"}]))
    by_whole = BENCHMARKS["rm-bench"].load(str(whole))
    assert [each.id for each in by_file] == [each.id for each in by_whole] == ["chat/3"]
    assert by_file[0].domain == by_whole[0].domain == "chat"
    assert fingerprint(by_file) == fingerprint(by_whole)


def test_a_row_of_another_benchmark_is_named(tmp_path):
    file = tmp_path / "chat_filtered.json"
    file.write_text(json.dumps([RM_ROW, RM_ROW | {"id": 4, "chosen": ["a"]}]))
    with pytest.raises(InputError, match=r"chat_filtered.json:2: 1 chosen and 3 rejected responses, expected 3 and 3"):
        BENCHMARKS["rm-bench"].load(str(tmp_path))


def test_a_folder_without_its_files_says_which_are_meant(tmp_path):
    with pytest.raises(InputError, match=r"holds no file of LLMBar .* princeton-nlp/LLMBar"):
        BENCHMARKS["llmbar"].load(str(tmp_path))


def test_what_is_not_on_the_hub_says_where_it_is():
    with pytest.raises(InputError, match=r"not on the hub; give --data with biasbench.json of the repository"):
        BENCHMARKS["evalbiasbench"].load()


def test_an_unknown_name_has_a_suggestion():
    with pytest.raises(InputError, match="did you mean 'rm-bench'"):
        benchmark_named("rm_bench")


def test_llmbar_takes_its_sets_from_folders_and_leaves_out_the_others(tmp_path):
    row = {"input": "q", "output_1": "x", "output_2": "y", "label": 2}
    for place in ("Natural", "Adversarial/Manual", "Processed/FairEval"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "dataset.json").write_text(json.dumps([row]))
    assert [(each.domain, each.label) for each in BENCHMARKS["llmbar"].load(str(tmp_path))] == [
        ("Manual", "B"),
        ("Natural", "B"),
    ]


def test_evalbiasbench_is_an_object_of_lists(tmp_path):
    row = {"bias": "length bias", "instruction": "q", "response1": "right", "response2": "wrong", "label": 1}
    other = row | {"bias": "content_continuation"}
    file = tmp_path / "biasbench.json"
    file.write_text(json.dumps({"length bias": [row], "content_continuation": [other]}, indent=4))
    assert [each.domain for each in BENCHMARKS["evalbiasbench"].load(str(file))] == [
        "length bias",
        "content continuation",
    ]


def test_hhh_takes_instruction_and_response_out_of_the_grading_prompt(tmp_path):
    def prompt(response):
        return (
            "###Task Description:\nGrade it.\n\n###The instruction to evaluate:\nWhat is\nthis?\n\n"
            f"###Response to evaluate:\n{response}\n\n###Score Rubrics:\n[Good?]\n\n###Feedback: "
        )

    row = {"source": "honest", "chosen_instruction": prompt("I do not know."), "rejected_instruction": prompt("A cat.")}
    file = tmp_path / "hhh_alignment_eval.json"
    file.write_text(json.dumps([row]))
    one = BENCHMARKS["hhh"].load(str(file))[0]
    assert one.context[0].content == "What is\nthis?"
    assert one.responses == ("I do not know.", "A cat.")


def test_deviations_are_said():
    benchmark = BENCHMARKS["judgebench-gpt"]
    whole = {name: Expected(1) for name in benchmark.expected}
    items = [item(n, domain=name) for n, name in enumerate([*list(whole)[1:], "cooking"])]
    said = benchmark.deviations(items)
    assert f"without {next(iter(whole))}" in said
    assert "1 of 98 items of reasoning" in said
    assert "with cooking, which is no part of it" in said


def test_ties_are_left_out_of_helpsteer3(tmp_path):
    row = {"context": [{"role": "user", "content": "q"}], "response1": "x", "response2": "y", "domain": "code"}
    file = tmp_path / "validation.jsonl"
    file.write_text(
        "".join(json.dumps(row | {"response1": str(n), "overall_preference": n}) + "\n" for n in (-1, 0, 2))
    )
    assert [each.label for each in BENCHMARKS["helpsteer3"].load(str(file))] == ["A", "B"]


def test_the_pairs_of_ppe_are_answers_that_disagree(tmp_path):
    row = {"question_id": "q1", "prompt": "2 + 2?", "model_name": "small", "scores": [True, False, False],
           "response_1": "4", "response_2": "5", "response_3": "22", "sampled_conflict_pairs": [[0, 1], [2, 0]]}  # fmt: skip
    file = tmp_path / "MATH.jsonl"
    file.write_text(json.dumps(row) + "\n")
    items = BENCHMARKS["ppe-math"].load(str(file))
    assert [(each.responses, each.label) for each in items] == [(("4", "5"), "A"), (("22", "4"), "B")]
    assert len({each.id for each in items}) == 2
    file.write_text(json.dumps(row | {"sampled_conflict_pairs": [[1, 2]]}) + "\n")
    with pytest.raises(InputError, match=r"MATH.jsonl:1: sampled pair 1, 2 does not name a right and a wrong answer"):
        BENCHMARKS["ppe-math"].load(str(file))
