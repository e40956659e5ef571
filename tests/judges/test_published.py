"""Published answers as judges: whose they are, what a label means, and to which pair an answer belongs."""

import asyncio
import json

import pytest

from rightly.data.load import load_pairs
from rightly.errors import InputError
from rightly.inference.account import Account
from rightly.judges.specs import JudgeBuilder
from rightly.types import Message, PreferencePair

BUILDER = JudgeBuilder(cache=None, account=Account(), max_reasons=5, seed=0)


def row(question="2+2?", **columns):
    fixed = {"context": [{"role": "user", "content": question}], "response1": "4", "response2": "5"}
    return {**fixed, "human-checklist": ["Response 2 is wrong"], **columns}


def answered(label="A>B", question="2+2?", model="Low", **columns):
    own = {f"{model}-checklist": ["Response A is right"], f"{model}-label": label, f"{model}-generated_text": "text"}
    return row(question, **own, **columns)


def aligned(pred="A", **columns):
    fixed = {"id": "1", "conversations": [{"role": "user", "content": "2+2?"}], "response_A": "4", "response_B": "5"}
    own = {"model_judgment": "<think>x</think>5 is wrong. \\boxed{A}", "model_pred": pred}
    return {**fixed, "gt_label": "A", "gt_judgment": "5 is wrong.", **own, **columns}


@pytest.fixture
def replayed(tmp_path):
    """Judgments of the pairs of these rows, or of other pairs, by the model with this name in a file of the rows."""

    def of(rows, model="low", pairs=None):
        file = tmp_path / "published.jsonl"
        file.write_text("".join(json.dumps(each) + "\n" for each in rows))
        spec = f"replay:{file}?model={model}" if model else f"replay:{file}"
        judge = BUILDER.build(spec)
        assert judge.identity == BUILDER.identify(spec)
        asked = list(load_pairs(file)) if pairs is None else pairs
        return [asyncio.run(judge.judge(pair, order)) for pair in asked for order in judge.orders(pair)]

    return of


def test_answer_is_the_list_and_the_label_of_the_named_model_in_any_case(replayed):
    (judgment,) = replayed([answered(**{"high-checklist": ["no"], "high-label": "B>A"})], model="LOW")
    assert (judgment.order, judgment.verdict, judgment.raw) == ("AB", "A", "text")
    assert [(reason.text, reason.about) for reason in judgment.rationales] == [("Response A is right", "A")]


@pytest.mark.parametrize(
    ("label", "verdict"),
    [
        *[("A>>B", "A"), ("A > B", "A"), ("a=b", "tie"), ("B>A", "B"), ("B>>A", "B"), ("A", "A"), ("tie", "tie")],
        *[("\\boxed{B>>A}", "B"), ("[[A>B]]", "A"), ("response1", "A"), ("Response 2", "B"), ("Response A", "A")],
    ],
)
def test_label_names_the_preferred_response(replayed, label, verdict):
    assert replayed([answered(label)])[0].verdict == verdict


def test_numbers_are_helpsteer3s_scale_if_one_of_the_model_is_negative(replayed):
    rows = [answered(label, f"{label}+?") for label in (-3, 0, 2, "-1")]
    assert [judgment.verdict for judgment in replayed(rows)] == ["A", "tie", "B", "A"]


@pytest.mark.parametrize("label", [1, 0, 2, "1", True, 0.5, "better", ["A"], "A>C"])
def test_label_of_unknown_meaning_is_refused_with_its_row(replayed, label):
    other = {"high-checklist": ["x"], "high-label": -2}
    with pytest.raises(InputError, match=r"published\.jsonl:2: label in column 'Low-label' is .*; write A>>B, A>B"):
        replayed([answered("A"), answered(label, "3+1?", **other)])


def test_number_beyond_helpsteer3s_scale_is_refused(replayed):
    with pytest.raises(InputError, match="is the number 4; write"):
        replayed([answered(-1), answered(4, "3+1?")])


def test_verdict_without_label_is_that_of_the_text(replayed):
    text = {"low-generated_text": "Both fail.\n\\boxed{B>A}"}
    rows = [row(**{"low-checklist": ["x"]}, **text), row("?", **{"low-checklist": ["x"], "low-label": None})]
    read, unread = replayed([rows[0], {**rows[1], "low-generated_text": "I cannot say."}])
    assert (read.verdict, read.rationales[0].text) == ("B", "x")
    assert (unread.verdict, unread.failure) == (None, "unparsed")


def test_list_without_label_and_text_is_refused(replayed):
    with pytest.raises(InputError, match=r"jsonl:1: column 'low-checklist' stands without low-label and low-generated"):
        replayed([row(**{"low-checklist": ["x"]})])


@pytest.mark.parametrize(
    ("model", "problem"), [("", "the model is not named"), ("lo", "holds no answers of 'lo'"), ("human", "of 'human'")]
)
def test_missing_or_unknown_model_lists_those_of_the_file(replayed, model, problem):
    with pytest.raises(InputError, match=f"{problem}; add .model=NAME with one of: Low, high$"):
        replayed([answered(), answered(question="?", **{"high-checklist": []})], model=model)


def test_file_without_answers_is_refused(replayed):
    with pytest.raises(InputError, match="it holds no judge's answers"):
        replayed([row()], model="m")


def test_other_option_is_refused(replayed):
    with pytest.raises(InputError, match="unknown option 'orders'"):
        replayed([answered()], model="low&orders=single")


def test_pair_is_known_by_its_content(replayed):
    asked = (Message(role="user", content="2+2?"),)
    same = PreferencePair(id="other", context=asked, responses=("4", "5"))
    other = same.model_copy(update={"responses": ("5", "4")})
    found, missing = replayed([answered()], pairs=[same, other])
    assert (found.pair_id, found.verdict) == ("other", "A")
    assert (missing.failure, missing.verdict) == ("provider", None)
    assert missing.detail.endswith("holds no answer of Low to this pair")


def test_rows_of_equal_content_keep_their_own_answers(replayed):
    rows = [answered("A>B"), answered("B>A")]
    assert [judgment.verdict for judgment in replayed(rows)] == ["A", "B"]
    asked = (Message(role="user", content="2+2?"),)
    (unclear,) = replayed(rows, pairs=[PreferencePair(id="other", context=asked, responses=("4", "5"))])
    assert "holds 2 different answers of Low" in unclear.detail


def test_result_rows_of_the_metajudge_are_read_by_their_metadata(replayed):
    (judgment,) = replayed([{"prompt": "p", "samples": [], "status": "error", "metadata": answered()}])
    assert judgment.verdict == "A"


def test_r_align_answer_is_one_reason_with_the_verdict_of_its_metarm(replayed):
    rows = [
        aligned(meta={"model_name": "M"}, metarm_verdict="Correct"),
        aligned("B", id="2", meta={"model_name": "M"}, metarm_verdict="SkippedLabelMismatch"),
        aligned(None, id="3", meta={"model_name": "M"}, model_judgment="hm"),
        aligned(None, id="4", meta={"model_name": "M"}, model_judgment=None),
        aligned(id="5", meta={"model_name": "N"}),
    ]
    first, other, unread, failed, foreign = replayed(rows, model="m")
    assert (first.verdict, first.rationale_verdict, other.verdict, other.rationale_verdict) == (
        "A",
        "correct",
        "B",
        None,
    )
    assert [reason.text for reason in first.rationales] == ["5 is wrong. \\boxed{A}"]
    assert (unread.failure, failed.failure, foreign.failure) == ("unparsed", "provider", "provider")


def test_r_align_judge_without_a_name_is_called_model(replayed):
    assert replayed([aligned()], model="model")[0].verdict == "A"


@pytest.mark.parametrize(("column", "value"), [("model_pred", "C"), ("metarm_verdict", "Maybe")])
def test_r_align_value_of_unknown_meaning_is_refused(replayed, column, value):
    with pytest.raises(InputError, match=rf"jsonl:1: column '{column}' is the text '{value}', expected"):
        replayed([aligned(**{column: value})], model="model")


def test_identity_is_content_and_model(tmp_path):
    texts = ["".join(json.dumps(answered(label)) + "\n") for label in ("A>B", "A>B", "B>A")]
    files = [tmp_path / name for name in ("one.jsonl", "two.jsonl", "three.jsonl")]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    one, two, three = (BUILDER.identify(f"replay:{file}?model=low").fingerprint for file in files)
    assert one == two != three
    assert one == BUILDER.identify(f"replay:{files[0]}?model=LOW").fingerprint
    assert one != BUILDER.identify(f"replay:{files[0]}?model=high").fingerprint
