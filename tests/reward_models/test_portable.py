"""Pad tokens that are chosen, templates that are ended, tokenisers that add nothing: what others find in a saved folder."""

import pytest
from transformers import AutoTokenizer, LlamaTokenizer

from rightly.reward_models.contract import encode_responses
from rightly.reward_models.doctor.scoring_paths import PROBES, probe_turns, template_then_tokenise
from rightly.reward_models.model import RewardModel
from rightly.reward_models.padding import choose_pad_token
from rightly.types import Message
from tests.training.bases import CHATML, make_decoder

END = ("<end>",)


@pytest.fixture
def decoder(tmp_path):
    def make(**arrangement):
        return make_decoder(tmp_path / "base", **arrangement)

    return make


@pytest.mark.parametrize(
    ("arrangement", "rows", "chosen"),
    [
        ({}, None, "<pad>"),
        ({"pad": "<end>", "extra": ["<|image_pad|>", "<|reserved_1|>", "<|right_pad|>"]}, None, "<|right_pad|>"),
        ({"pad": "<end>", "extra": ["<|image_pad|>", "<|reserved_1|>"]}, None, "<|reserved_1|>"),
        ({"pad": "<end>", "extra": ["<|image_pad|>"]}, None, "<unk>"),
        ({"pad": "<end>", "unk": None, "eos": "<s>"}, None, "<s>"),
        ({"pad": "<end>", "unk": None}, None, None),
        ({"eos": None, "unk": None, "pad": "<pad>"}, -1, None),
    ],
    ids=["own", "one meant for it", "a reserved one", "unknown", "end, where texts end otherwise", "none", "no row"],
)
def test_the_pad_token_is_one_that_no_text_ends_with(decoder, arrangement, rows, chosen):
    tokenizer = AutoTokenizer.from_pretrained(decoder(**arrangement))
    found = choose_pad_token(tokenizer, END, None if rows is None else len(tokenizer) + rows)
    assert found == chosen


def test_unused_token_is_preferred_to_growing_the_embedding(decoder):
    model = RewardModel.load(decoder(pad=None, unk=None, extra=["<|reserved_0|>"]), device="cpu", new_head=True)
    assert model.tokenizer.pad_token == "<|reserved_0|>"
    assert len(model.model.get_input_embeddings().weight) == len(model.tokenizer)


def test_unused_embedding_row_is_preferred_to_growing(decoder):
    model = RewardModel.load(decoder(pad=None, unk=None, rows=8), device="cpu", new_head=True)
    rows = len(model.model.get_input_embeddings().weight)
    assert model.tokenizer.pad_token == "<pad>"
    assert rows == len(model.tokenizer) + 7
    assert model.model.config.pad_token_id == rows - 8


def test_embedding_grows_by_one_row_as_last_resort(decoder):
    base = decoder(pad=None, unk=None)
    before = len(AutoTokenizer.from_pretrained(base))
    model = RewardModel.load(base, device="cpu", new_head=True)
    assert len(model.model.get_input_embeddings().weight) == before + 1 == model.model.config.vocab_size


MACRO = (
    "\n{%- macro turn(m) %}<|{{ m['role'] }}|> {{ m['content'] }} <end>\n{% endmacro %}"
    "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{{ turn(m) }}{% endfor %}\n"
    "{% if add_generation_prompt %}<|assistant|> {% endif %}\n"
)


@pytest.mark.parametrize(
    "template",
    [CHATML, MACRO, "\n" + CHATML, CHATML + "\n\n", CHATML.replace("<end>", ""), {"default": CHATML, "tool_use": "x"}],
    ids=["line break", "macro", "starts with a line break", "ends with line breaks", "no end", "several"],
)
def test_scripts_that_render_and_tokenise_get_the_tokens_of_the_contract(decoder, tmp_path, template):
    base = decoder()
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.chat_template = template
    tokenizer.save_pretrained(base)
    asked = [{"role": "user", "content": "this is"}]
    prompts = [
        tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=each) for each in (True, False)
    ]
    RewardModel.load(base, device="cpu", new_head=True).save(tmp_path / "saved")

    model = RewardModel.load(tmp_path / "saved", device="cpu")
    saved = AutoTokenizer.from_pretrained(tmp_path / "saved")
    usual = [template_then_tokenise(saved, turns) for turns in probe_turns()]
    assert usual == [list(each.ids) for context, responses in PROBES for each in model.encode(context, responses)]
    assert {ids[-1] for ids in usual} == {saved.convert_tokens_to_ids("<end>")}
    after = [saved.apply_chat_template(asked, tokenize=False, add_generation_prompt=each) for each in (True, False)]
    assert after == prompts
    RewardModel.load(tmp_path / "saved", device="cpu", new_head=True).save(tmp_path / "again")
    assert AutoTokenizer.from_pretrained(tmp_path / "again").chat_template == saved.chat_template


def test_an_end_token_inside_a_response_does_not_end_it(decoder, tmp_path):
    RewardModel.load(decoder(), device="cpu", new_head=True).save(tmp_path / "saved")
    saved = AutoTokenizer.from_pretrained(tmp_path / "saved")
    turns = [{"role": "assistant", "content": "good <end> bad"}]
    assert saved.apply_chat_template(turns, tokenize=False) == "<|assistant|> good <end> bad <end>"


def test_a_final_token_is_the_last_one_that_the_template_sets(decoder):
    """A template that closes the turn and then the text ends with the second; a copy of the first was set behind it."""
    base = decoder(template=CHATML.replace("<end>\n", "<end><s>\n"), extra=["<s>"])
    model = RewardModel.load(base, device="cpu", new_head=True)
    assert model.contract.final_token == "<s>"
    context = (Message(role="user", content="this is"),)
    (encoded,) = encode_responses(model.tokenizer, model.contract, context, ["good"])
    assert model.tokenizer.decode(encoded.ids).split()[-2:] == ["<end>", "<s>"]


def test_a_tokeniser_class_that_adds_a_start_token_adds_none_once_saved(tmp_path, decoder):
    base = decoder()
    vocabulary = AutoTokenizer.from_pretrained(base).get_vocab()
    letters = {letter: 50 + number for number, letter in enumerate("▁abcdefghijklmnopqrstuvwxyz")}
    special = {token: number for token, number in vocabulary.items() if token.startswith("<")}
    tokenizer = LlamaTokenizer(
        vocab={"<s>": 1, **letters, **special}, merges=[], bos_token="<s>", eos_token="<end>", unk_token="<unk>",
        pad_token="<pad>", add_bos_token=True, chat_template="<s>" + CHATML,
    )  # fmt: skip
    tokenizer.save_pretrained(base)
    assert template_then_tokenise(AutoTokenizer.from_pretrained(base), next(probe_turns()))[:2] == [1, 1]
    RewardModel.load(base, device="cpu", new_head=True).save(tmp_path / "saved")
    saved = AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert template_then_tokenise(saved, next(probe_turns()))[0] == 1
    assert template_then_tokenise(saved, next(probe_turns()))[1] != 1
