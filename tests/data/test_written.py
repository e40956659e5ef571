"""Lists that a file holds as text are lists: messages in a cell never become one response."""

import csv
import json

import pytest

from rightly.data.load import load_pairs
from rightly.errors import InputError

QUESTION = {"role": "user", "content": "q, \"quoted\"\nand 'so'"}
CHOSEN = [QUESTION, {"role": "assistant", "content": "x"}]
REJECTED = [QUESTION, {"role": "assistant", "content": "y"}]


@pytest.fixture
def written(tmp_path):
    """A function that writes one row as CSV and returns the pair that is read."""

    def write(row):
        file = tmp_path / "p.csv"
        with file.open("w", encoding="utf-8", newline="") as lines:
            rows = csv.DictWriter(lines, row)
            rows.writeheader()
            rows.writerow(row)
        (pair,) = load_pairs(file)
        return pair

    return write


@pytest.mark.parametrize("prompt", [{}, {"prompt": QUESTION["content"]}, {"prompt": json.dumps([QUESTION])}])
@pytest.mark.parametrize("extra", [{}, {"images": "[]", "rationales": '["x is short"]'}])
def test_messages_in_cells_are_a_dialogue(written, prompt, extra):
    pair = written({**prompt, "chosen": json.dumps(CHOSEN), "rejected": json.dumps(REJECTED), **extra})
    assert [(turn.role, turn.content) for turn in pair.context] == [("user", QUESTION["content"])]
    assert (set(pair.responses), pair.responses[pair.choices.index(pair.label)]) == ({"x", "y"}, "x")
    assert [reason.text for reason in pair.rationales] == (["x is short"] if extra else [])


def test_messages_as_text_in_json_lines_are_a_dialogue():
    row = {"prompt": json.dumps([QUESTION]), "chosen": json.dumps(CHOSEN), "rejected": json.dumps(REJECTED)}
    (pair,) = load_pairs([row])
    assert (len(pair.context), set(pair.responses)) == (1, {"x", "y"})


def test_history_in_a_cell(written):
    pair = written({"instruction": "r", "history": '[["q", "a"]]', "chosen": "x", "rejected": "y"})
    assert [turn.content for turn in pair.context] == ["q", "a", "r"]


def test_messages_as_python_prints_them_are_refused_in_one_line(written):
    with pytest.raises(InputError, match=r"p.csv:1: column 'chosen' holds messages that are not JSON; write them with"):
        written({"prompt": "q", "chosen": str(CHOSEN), "rejected": str(REJECTED)})


@pytest.mark.parametrize("text", ['["a", "b"]', "[{'a': 1}]", '[{"name": "a"}]', '[{"role": "admin"}]', "[{"])
def test_other_texts_with_brackets_stay_texts(written, text):
    assert set(written({"prompt": "Write a list.", "chosen": text, "rejected": "y"}).responses) == {text, "y"}


def test_half_of_a_character_in_a_cell_becomes_the_replacement_character(written):
    flags = {"model_a": "m", "model_b": "n", "winner_model_a": 1, "winner_model_b": 0, "winner_tie": 0}
    pair = written({"prompt": '["q"]', "response_a": '["x\\ud83d"]', "response_b": '["y"]', **flags})
    assert pair.responses == ("x\ufffd", "y")


@pytest.mark.parametrize("answers", ["[null]", '["x", null]'])
def test_a_null_answer_of_lmarena_is_named(written, answers):
    flags = {"model_a": "m", "model_b": "n", "winner_model_a": 1, "winner_model_b": 0, "winner_tie": 0}
    with pytest.raises(InputError, match=r"p.csv:1: column 'response_a' holds null instead of a text; remove the row"):
        written({"prompt": '["q"]', "response_a": answers, "response_b": '["y"]', **flags})


def test_bytes_that_are_not_utf8_are_found_in_their_row(tmp_path):
    file = tmp_path / "p.csv"
    file.write_bytes(b"prompt,chosen,rejected\n" + b'"q\nq",x,y\n' * 499 + b"q,\xff,y\n")
    pairs = load_pairs(file)
    assert len([next(pairs) for _ in range(499)]) == 499
    with pytest.raises(InputError, match=r"p.csv:500: not UTF-8; convert it to UTF-8"):
        next(pairs)


def test_a_csv_in_utf16_is_refused_in_one_line(tmp_path):
    file = tmp_path / "p.csv"
    file.write_text("prompt,chosen,rejected\nq,x,y\n", encoding="utf-16")
    with pytest.raises(InputError, match=r"p.csv: the header is not UTF-8; convert it to UTF-8"):
        next(load_pairs(file))


def test_a_column_without_a_name_is_ignored(written):
    assert set(written({"": 0, "prompt": "q", "chosen": "x", "rejected": "y"}).responses) == {"x", "y"}


def test_messages_in_cells_are_a_dialogue_in_a_selected_family_too():
    row = {"question": json.dumps([QUESTION]), "response_A": "x", "response_B": "y", "label": "A>B"}
    (pair,) = load_pairs([row], columns="judgebench")
    assert [turn.content for turn in pair.context] == [QUESTION["content"]]
    row = {"prompt": json.dumps([QUESTION]), "response_a": "x", "response_b": "y", "winner": "model_a"}
    (pair,) = load_pairs([{**row, "model_a": "m", "model_b": "n"}], columns="arena")
    assert [turn.content for turn in pair.context] == [QUESTION["content"]]
