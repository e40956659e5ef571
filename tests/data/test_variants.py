"""Variants of foreign rows: the prompt is never lost, no response becomes empty, nothing ends in a traceback."""

import gzip
from pathlib import Path

import pytest

from rightly.data.load import load_pairs
from rightly.errors import InputError
from rightly.types import PreferencePair

LETTERED = {"response_a": "x", "response_b": "y", "winner": "A"}
SIDES = {"chosen": "x", "rejected": "y"}
QUESTION = {"role": "user", "content": "q"}
ANSWERS = {"chosen": {"role": "assistant", "content": "x"}, "rejected": {"role": "assistant", "content": "y"}}
ANSWERED = [QUESTION, ANSWERS["chosen"]]
CALL = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "add"}}]}


def read(row: dict[str, object], columns: str | None = None) -> PreferencePair:
    (pair,) = load_pairs([row], columns=columns)
    return pair


def said(pair: PreferencePair) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in pair.context]


READ = {
    "prompt in capitals": ({"Prompt": "q", "Response_A": "x", "Response_B": "y", "Label": "A"}, [("user", "q")]),
    "question in capitals": ({"Question": "q", "Response_A": "x", "Response_B": "y", "Winner": "A"}, [("user", "q")]),
    "compared letters": ({"prompt": "q", **LETTERED, "winner": "A>B"}, [("user", "q")]),
    "instruction of letters": ({"instruction": "q", "input": "i", **LETTERED}, [("user", "q\n\ni")]),
    "instruction of JudgeBench": (
        {"instruction": "q", "response_A": "x", "response_B": "y", "label": "A>B"},
        [("user", "q")],
    ),
    "instruction of arena": (
        {"instruction": "q", "response_a": "x", "response_b": "y", "model_a": "m", "model_b": "n", "winner": "model_a"},
        [("user", "q")],
    ),
    "messages beside objects": ({"messages": [QUESTION], **ANSWERS}, [("user", "q")]),
    "messages beside texts": ({"messages": [QUESTION], **SIDES}, [("user", "q")]),
    "messages beside lists": (
        {"messages": [QUESTION], **{name: [answer] for name, answer in ANSWERS.items()}},
        [("user", "q")],
    ),
    "messages that repeat the chosen dialogue": (
        {"messages": ANSWERED, "chosen": ANSWERED, "rejected": [QUESTION, ANSWERS["rejected"]]},
        [("user", "q")],
    ),
    "rejected messages": (
        {"messages": ANSWERED, "rejected_messages": [QUESTION, ANSWERS["rejected"]]},
        [("user", "q")],
    ),
    "history before a question": (
        {"question": "q", "history": [["a", "b"]], **SIDES},
        [("user", "a"), ("assistant", "b"), ("user", "q")],
    ),
    "an empty input beside messages": ({"prompt": [QUESTION], "input": "", "history": [], **SIDES}, [("user", "q")]),
    "an empty input beside a transcript": ({"prompt": "\n\nHuman: q\n\nAssistant:", "input": "", **SIDES}, [("user", "q")]),
    "a transcript as question": ({"question": "\n\nHuman: q\n\nAssistant:", **SIDES}, [("user", "q")]),
    "an equal system prompt twice": (
        {"system": "s", "prompt": [{"role": "system", "content": "s"}, QUESTION], **SIDES},
        [("system", "s"), ("user", "q")],
    ),
}  # fmt: skip
"""A row and its context; the better response is always x."""


@pytest.mark.parametrize("name", READ)
def test_the_context_of_variants_is_complete(name):
    row, context = READ[name]
    pair = read(row)
    assert said(pair) == context
    assert (set(pair.responses), pair.responses[pair.choices.index(str(pair.label))]) == ({"x", "y"}, "x")


REFUSED = {
    "letters without a prompt": (LETTERED, "there is no prompt; add a column 'prompt'"),
    "JudgeBench without a prompt": (
        {"response_A": "x", "response_B": "y", "label": "A>B"},
        "there is no prompt; add a column 'prompt'",
    ),
    "two verdicts": (
        {"prompt": "q", **LETTERED, "label": "B"},
        "the columns label and winner have the same meaning; keep one of them",
    ),
    "a word as verdict": ({"prompt": "q", **LETTERED, "winner": "chosen"}, "expected one of A, B, tie; write A, B or tie"),
    "a tool call as chosen answer of ms-swift": (
        {"messages": [QUESTION, CALL], "rejected_response": "y"},
        "calls add, and tool calls are not read",
    ),
    "instruction and prompt": (
        {"instruction": "i", "prompt": "p", "input": "z", **SIDES},
        "the columns instruction and prompt have the same meaning",
    ),
    "history that is a number": ({"instruction": "q", "history": 5, **SIDES}, "column 'history' is no list"),
    "messages that end with an answer": ({"messages": ANSWERED, **SIDES}, "column 'messages' ends with an answer"),
    "too many responses": (
        {"prompt": "q", "chosen": "x", "rejected": [str(place) for place in range(100)]},
        "101 responses, at most 99 are read",
    ),
    "null among several": (
        {"prompt": "q", "chosen": "x", "rejected": ["y", None]},
        "rejected is a list of 2 with null",
    ),
    "an image as part": (
        {"prompt": [{"role": "user", "content": [{"type": "image_url", "image_url": "u"}]}], **SIDES},
        "column 'prompt' has a message with a part of type 'image_url', and only text is read",
    ),
    "two system prompts": (
        {"system": "s", "prompt": [{"role": "system", "content": "t"}, QUESTION], **SIDES},
        "column 'system' and the first message are different system prompts",
    ),
    "a list as system prompt": ({"system": ["s"], "prompt": "q", **SIDES}, "column 'system' is a list of 1, expected text"),
}  # fmt: skip
"""A row and the reason of its refusal."""


@pytest.mark.parametrize("name", REFUSED)
def test_variants_that_cannot_be_read_are_refused_in_one_line(name):
    row, reason = REFUSED[name]
    with pytest.raises(InputError) as refused:
        read(row)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_prompt_that_is_null_is_a_missing_context_and_no_error():
    assert read({"prompt": None, **LETTERED}).context == ()


def test_a_selected_family_neither_skips_the_refusal_of_media_nor_loses_the_input():
    with pytest.raises(InputError, match="column 'images' holds media"):
        read({"prompt": "q", **SIDES, "images": ["x.png"]}, columns="chosen-rejected")
    row = {"prompt": "q", "input": "i", **SIDES}
    assert said(read(row, columns="chosen-rejected")) == [("user", "q\n\ni")]


def test_several_answers_to_a_transcript_lose_its_space():
    pair = read({"prompt": "\n\nHuman: q\n\nAssistant:", "chosen": " x", "rejected": [" y", " z"]})
    assert sorted(pair.responses) == ["x", "y", "z"]


def test_weight_reaches_pairs_of_several_responses():
    assert read({"prompt": "q", "chosen": "x", "rejected": ["y", "z"], "weight": 0.5}).weight == 0.5


def test_blank_reasons_are_no_reasons():
    assert [reason.text for reason in read({"prompt": "q", **SIDES, "rationales": ["", " ", "a"]}).rationales] == ["a"]


def table(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8", newline="")
    return path


def test_csv_of_lmarena_is_read_with_its_flags(tmp_path):
    header = "id,model_a,model_b,prompt,response_a,response_b,winner_model_a,winner_model_b,winner_tie\n"
    (pair,) = load_pairs(table(tmp_path / "train.csv", header + '7,m,n,"[""q""]","[""x""]","[""y""]",0,1,0\n'))
    assert (pair.id, said(pair), pair.responses, pair.label) == ("7", [("user", "q")], ("x", "y"), "B")


def test_csv_columns_of_numbers_hold_numbers_and_texts_stay_texts(tmp_path):
    header = "prompt,chosen,rejected,score_chosen,score_rejected,margin\n"
    (pair,) = load_pairs(table(tmp_path / "p.csv", header + "7,42,41,8.0,7,-1.5e-1\n"))
    assert (said(pair), set(pair.responses), pair.degree, pair.margin) == ([("user", "7")], {"42", "41"}, 1, -0.15)
    (pair,) = load_pairs(table(tmp_path / "l.csv", "input,output_1,output_2,label\nq,x,y,2\n"))
    assert pair.label == "B"


@pytest.mark.parametrize("value", ["nan", "inf", "1_0", "eight", " "])
def test_csv_numbers_that_are_none_are_refused(value, tmp_path):
    file = table(tmp_path / "p.csv", f"prompt,chosen,rejected,margin\nq,x,y,{value}\n")
    with pytest.raises(InputError, match=r"p.csv:1: column 'margin' is the text .*expected a finite number"):
        list(load_pairs(file))


def test_csv_with_long_responses_and_blank_lines(tmp_path):
    long = "x" * 200_000
    first, second = load_pairs(table(tmp_path / "p.csv", f"prompt,chosen,rejected\nq,{long},y\n\nr,x,y\n\n"))
    assert long in first.responses
    assert said(second) == [("user", "r")]


def test_csv_rows_after_a_blank_line_and_a_long_cell_keep_their_number(tmp_path):
    file = table(tmp_path / "p.csv", 'prompt,chosen,rejected\n"q\nq",x,y\n\nr,x,y,z\n')
    with pytest.raises(InputError, match=r"p.csv:2: 4 values, and the header has 3"):
        list(load_pairs(file))


@pytest.mark.parametrize(("mark", "name"), [(";", "';'"), ("\t", "a tab")])
def test_csv_with_another_separator_is_refused_with_its_cure(mark, name, tmp_path):
    file = table(tmp_path / "p.csv", f"prompt{mark}chosen{mark}rejected\nq{mark}x{mark}y\n")
    with pytest.raises(InputError, match=rf"p.csv: the header is separated by {name}; separate the values by commas"):
        list(load_pairs(file))


@pytest.mark.parametrize("damage", ["cut", "flipped", "no gzip"])
def test_csv_in_a_damaged_archive_is_refused_in_one_line(damage, tmp_path):
    whole = gzip.compress(b"prompt,chosen,rejected\n" + b"".join(b"q%d,x,y\n" % place for place in range(999)))
    flipped = whole[:40] + bytes(255 - byte for byte in whole[40:80]) + whole[80:]
    file = tmp_path / "p.csv.gz"
    file.write_bytes({"cut": whole[:-200], "flipped": flipped, "no gzip": b"prompt,chosen,rejected\n"}[damage])
    with pytest.raises(InputError, match=r"p.csv.gz.*cannot be read \(.*\)"):
        list(load_pairs(file))
