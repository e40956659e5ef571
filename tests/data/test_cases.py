"""Rows as other tools write them: each file is read right, or refused in one line with file and row."""

import gzip
import json
from pathlib import Path

import pytest

from rightly.data.inspection import inspect_pairs
from rightly.data.load import load_pairs
from rightly.errors import InputError
from rightly.types import PreferencePair

CASES = Path(__file__).parent / "rows" / "cases"
CAPITAL = [("user", "Capital of Peru?")]
READ = {
    "alpaca.jsonl": ([("user", "Translate.\n\ncat")], "Katze", {"Hund"}),
    "alpaca_prompt.jsonl": (
        [("user", "hi"), ("assistant", "hello"), ("user", "Translate to German.\n\ncat")], "Katze", {"Hund"},
    ),
    "dev_role.jsonl": ([("system", "Answer in French."), ("user", "Hello")], "Bonjour", {"Hi"}),
    "hh_no_space.jsonl": ([("user", "Hi")], "Hello", {"Bye"}),
    "hh_prompt_col.jsonl": ([("user", "Hi")], "Hello!", {"Go away"}),
    "k.jsonl": ([("user", "What is 1+1?")], "2", {"3", "4"}),
    "k2.jsonl": ([("user", "What is 1+1?")], "2", {"3", "4"}),
    "lmarena55k.jsonl": (CAPITAL, "Lima", {"Quito"}),
    "multi_explicit.jsonl": (
        [("user", "Tell a riddle, then solve it when I say go."), ("assistant", "What has keys?"), ("user", "go")],
        "A piano.", {"A fish."},
    ),
    "openai.jsonl": (CAPITAL, "Lima", {"Quito"}),
    "pairs.csv": ([("user", "q")], "x", {"y"}),
    "parts_text.jsonl": (CAPITAL, "Lima", {"Quito"}),
    "rb2.jsonl": ([("user", "What is 1+1?")], "2", {"3, surely", "4 it is", "about 1"}),
    "sharegpt.jsonl": (CAPITAL, "Lima", {"Quito"}),
    "swift.jsonl": (CAPITAL, "Lima", {"Quito"}),
    "system.jsonl": ([("system", "Answer in French only."), ("user", "Say hello.")], "Bonjour !", {"Hello!"}),
    "system_question.jsonl": ([("system", "Answer in French only."), ("user", "Say hello.")], "Bonjour !", {"Hello!"}),
}  # fmt: skip
"""Context, better response and the others of the first pair of each file."""
REFUSED = {
    "images_col.jsonl": (1, "column 'images' holds media, and only text is read; use a data set of texts"),
    "label_num.jsonl": (
        1,
        "label in column 'label' is the number 1, expected one of 'A>B', 'B>A', 'A=B', 'A', 'B', 'tie', or null;"
        " write one of them",
    ),
    "null_rejected.jsonl": (2, "chosen is the text '48' and rejected is null; fill in both, or remove the row"),
    "tool_empty.jsonl": (1, "tools are not read; write them into the system message as text, and remove the column"),
    "tool_null.jsonl": (1, "tool calls are not read; write the call as text into the content, or remove the row"),
    "ultra_tie.jsonl": (
        2,
        "score_chosen is 3 and score_rejected 8: the scores contradict the labels; correct the row, or remove the score",
    ),
}
"""Row, and reason with its cure."""


def best(pair: PreferencePair) -> str:
    return pair.responses[pair.choices.index(str(pair.label))]


@pytest.mark.parametrize("name", READ)
def test_foreign_rows_are_read_right(name):
    context, chosen, rejected = READ[name]
    pair = next(load_pairs(CASES / name))
    assert [(message.role, message.content) for message in pair.context] == context
    assert best(pair) == chosen
    assert set(pair.responses) - {chosen} == rejected
    assert pair.id == pair.content_key or "id" in (CASES / name).read_text()


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_in_one_line_with_its_row(name):
    row, reason = REFUSED[name]
    with pytest.raises(InputError) as refused:
        list(load_pairs(CASES / name))
    assert str(refused.value).startswith(f"{CASES / name}:{row}: ")
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_every_case_has_its_right_reading():
    alike = {
        "identical.jsonl",
        "identical_responses.jsonl",
        "late_difference.jsonl",
        "rb_ids.jsonl",
        "reasoning.jsonl",
        "rm.json",
    }
    assert {path.name for path in CASES.iterdir()} == READ.keys() | REFUSED.keys() | alike


@pytest.mark.parametrize("name", ["identical.jsonl", "identical_responses.jsonl", "reasoning.jsonl"])
def test_equal_responses_stay_two_responses(name):
    assert all(len(pair.responses) == 2 and pair.responses[0] == pair.responses[1] for pair in load_pairs(CASES / name))


def test_a_difference_late_in_the_responses_is_kept():
    for row, pair in zip(
        (CASES / "late_difference.jsonl").read_text().splitlines(),
        load_pairs(CASES / "late_difference.jsonl"),
        strict=True,
    ):
        given = json.loads(row)
        assert best(pair) == given["chosen"]
        assert set(pair.responses) == {given["chosen"], given["rejected"]}


def test_equal_scores_of_a_file_are_a_tie_before_the_contradiction():
    tie = next(load_pairs(CASES / "ultra_tie.jsonl"))
    assert (tie.label, tie.degree, set(tie.responses)) == ("tie", 0, {"42", "forty-two"})
    assert [(turn.role, turn.content) for turn in tie.context] == [("user", "6*7?")]


def test_several_chosen_share_the_first_rank_and_none_is_labelled_best():
    pair = next(load_pairs(CASES / "rm.json"))
    ranked = dict(zip(pair.responses, pair.ranks, strict=True))
    assert (pair.label, len(ranked)) == (None, 6)
    assert {text for text, rank in ranked.items() if rank == 1} == {"2", "1 and 1 make 2.", "**2**\n- sum"}


def test_several_rejected_need_a_prompt_which_may_be_a_transcript_or_null():
    row = {"chosen": "2", "rejected": ["3", "4"]}
    with pytest.raises(InputError, match="there is no prompt; add a column 'prompt'"):
        list(load_pairs([row]))
    assert next(load_pairs([{**row, "prompt": None}])).context == ()
    (pair,) = load_pairs([{**row, "prompt": "\n\nHuman: 1+1?\n\nAssistant:"}])
    assert [(message.role, message.content) for message in pair.context] == [("user", "1+1?")]


@pytest.mark.parametrize(
    ("chosen", "rejected"),
    [
        (["x"], ["y"]),
        (["x", "y"], ["u", "v"]),
        (["x", "y", "z"], ["u", "v", "w"]),
        (["x"], ["x"]),
        (["a", "b", "c"], ["a", "d", "e"]),
    ],
)
def test_lists_of_responses_without_a_prompt_are_never_one_dialogue(chosen, rejected):
    with pytest.raises(InputError, match="there is no prompt; add a column 'prompt'"):
        list(load_pairs([{"chosen": chosen, "rejected": rejected}]))


def test_lists_of_responses_to_a_prompt_that_is_null_stay_single_responses():
    (pair,) = load_pairs([{"prompt": None, "chosen": ["x", "y", "z"], "rejected": ["u", "v", "w"]}])
    assert (pair.context, set(pair.responses), pair.label) == ((), set("xyzuvw"), None)


def test_lists_of_texts_that_begin_alike_are_dialogues():
    (pair,) = load_pairs([{"chosen": ["q", "a", "r", "x"], "rejected": ["q", "a", "r", "y"]}])
    assert [(turn.role, turn.content) for turn in pair.context] == [("user", "q"), ("assistant", "a"), ("user", "r")]
    assert best(pair) == "x"


@pytest.mark.parametrize(
    "sides",
    [
        {"chosen": None, "rejected": "y"},
        {"chosen": None, "rejected": None},
        {"chosen": "x", "rejected": float("nan")},
        {"chosen": "x", "rejected": ["y", None]},
        {"chosen": [None], "rejected": [None]},
    ],
)
def test_missing_responses_are_refused_with_their_row_and_the_cure(sides):
    with pytest.raises(InputError, match=r":1: chosen is .* and rejected is .*; fill in both, or remove the row$"):
        list(load_pairs([{"prompt": "p", **sides}]))


CONVERSATION = [{"from": "human", "value": "q"}]


@pytest.mark.parametrize(
    "row",
    [
        {"conversations": CONVERSATION, "chosen": "x", "rejected": "y"},
        {
            "conversations": CONVERSATION,
            "chosen": [{"from": "gpt", "value": "x"}],
            "rejected": [{"from": "gpt", "value": "y"}],
        },
        {
            "conversations": [{"role": "user", "content": "q"}],
            "chosen": {"role": "assistant", "content": "x"},
            "rejected": {"role": "assistant", "content": "y"},
        },
        {
            "chosen": [*CONVERSATION, {"from": "gpt", "value": "x"}],
            "rejected": [*CONVERSATION, {"from": "gpt", "value": "y"}],
        },
    ],
)
def test_variants_of_sharegpt_are_one_pair(row):
    (pair,) = load_pairs([row])
    assert [(turn.role, turn.content) for turn in pair.context] == [("user", "q")]
    assert (set(pair.responses), best(pair)) == ({"x", "y"}, "x")


def test_several_rejected_texts_of_sharegpt_are_several_responses():
    (pair,) = load_pairs([{"conversations": CONVERSATION, "chosen": "x", "rejected": ["y", "z"]}])
    assert (set(pair.responses), best(pair)) == ({"x", "y", "z"}, "x")


def test_a_turn_of_sharegpt_that_calls_a_tool_is_refused():
    with pytest.raises(InputError, match="a turn from the text 'function_call', expected one of human"):
        list(
            load_pairs(
                [
                    {
                        "conversations": [*CONVERSATION, {"from": "function_call", "value": "f"}],
                        "chosen": "x",
                        "rejected": "y",
                    }
                ]
            )
        )


@pytest.mark.parametrize("tools", [None, [], "[]", "null"])
def test_an_empty_declaration_of_tools_is_none(tools):
    assert next(load_pairs([{"prompt": "p", "chosen": "x", "rejected": "y", "tools": tools}])).label


def test_ids_that_repeat_over_subsets_are_told_apart_by_the_subset():
    assert [pair.id for pair in load_pairs(CASES / "rb_ids.jsonl")] == ["1", "b/1"]


def test_ids_that_repeat_within_a_subset_are_an_error():
    row = {"id": "1", "subset": "a", "prompt": "p", "chosen": "x", "rejected": "y"}
    other = {**row, "subset": "b", "prompt": "r"}
    with pytest.raises(InputError, match="id '1' occurs twice"):
        list(load_pairs([row, {**row, "prompt": "q"}]))
    with pytest.raises(InputError, match="id '1' occurs twice"):
        list(load_pairs([row, other, {**other, "prompt": "q"}]))


def test_equal_scores_are_a_tie_and_different_ones_the_degree(tmp_path):
    row = {"prompt": "p", "chosen": "x", "rejected": "y", "score_chosen": 9, "score_rejected": 7.5}
    file = tmp_path / "p.jsonl"
    file.write_text(json.dumps(row) + "\n" + json.dumps({**row, "prompt": "q", "score_rejected": 9}) + "\n")
    clear, tie = load_pairs(file)
    assert (best(clear), clear.degree) == ("x", 1.5)
    assert (tie.label, tie.degree) == ("tie", 0)


@pytest.mark.parametrize(
    ("verdict", "label"), [("A", "A"), ("b", "B"), ("model_b", "B"), ("tie", "tie"), (None, None), ("response_a", "A")]
)
@pytest.mark.parametrize("column", ["label", "winner", "preference"])
def test_lettered_responses_in_any_case(column, verdict, label):
    rows = [
        {"prompt": "p", "response_a": "x", "response_b": "y", column: verdict},
        {"prompt": "p", "Response_A": "x", "Response_B": "y", column.title(): verdict},
    ]
    for row in rows:
        (pair,) = load_pairs([row])
        assert (pair.responses, pair.label) == (("x", "y"), label)


def test_a_number_as_label_of_lettered_responses_is_refused():
    with pytest.raises(InputError, match="a number does not say which response it counts from"):
        list(load_pairs([{"prompt": "p", "response_a": "x", "response_b": "y", "winner": 1}]))


def test_plain_reasons_stand_beside_any_family():
    row = {"prompt": "p", "chosen": "x", "rejected": "y", "rationales": ["A is short", "A is right"]}
    assert [reason.text for reason in next(load_pairs([row])).rationales] == ["A is short", "A is right"]
    native = {"responses": ["x", "y"], "label": "A", "rationales": ["short"]}
    assert [reason.text for reason in next(load_pairs([native])).rationales] == ["short"]


def test_ignored_parts_of_messages_are_named():
    found = inspect_pairs(str(CASES / "reasoning.jsonl"))
    assert found.ignored == {"chosen[].reasoning_content": 1, "rejected[].reasoning_content": 1}


def test_csv_with_a_mark_quoted_newlines_and_gzip(tmp_path):
    content = '\ufeffprompt,chosen,rejected\r\n"q, with\nnewline",x,y\r\nr,a,b\r\n'
    with gzip.open(tmp_path / "p.csv.gz", "wt", encoding="utf-8", newline="") as file:
        file.write(content)
    first, second = load_pairs(tmp_path / "p.csv.gz")
    assert (first.context[0].content, best(second)) == ("q, with\nnewline", "a")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("prompt,chosen,rejected\nq,x\n", ":1: 2 values, and the header has 3"),
        ("prompt,chosen,rejected\nq,x,y\nq,,y\n", ":2: chosen is null"),
        ("prompt,prompt\na,b\n", ": two columns have the same name"),
        ("prompt,chosen,rejected\n", ": holds no rows"),
    ],
)
def test_csv_errors_name_the_row(content, said, tmp_path):
    file = tmp_path / "p.csv"
    file.write_text(content)
    with pytest.raises(InputError) as refused:
        list(load_pairs(file))
    assert f"{file}{said}" in str(refused.value)
