"""What `train rm` saves gives plain transformers, PEFT and the doctor the same rewards as us, whatever the base."""

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from rightly.data.load import load_pairs
from rightly.errors import InputError
from rightly.reward_models.doctor import examine
from rightly.reward_models.model import RewardModel
from rightly.training.reward_model.recipe import parse_recipe
from rightly.training.reward_model.run import train_reward_model
from tests.training.bases import DECODERS, ENCODERS, make_decoder, make_encoder
from tests.training.conftest import write_pairs

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # the Trainer's own, on every CPU run


@pytest.fixture
def train(tmp_path):
    """Train a base for two steps; what was saved scores the training pairs as the model in memory did."""
    data = write_pairs(tmp_path / "train.jsonl", 8)

    def run(base, **model):
        table = {
            "output": str(tmp_path / "run"),
            "model": {"name": str(base), "max_length": 96, **model},
            "data": {"train": [str(data)], "eval": {"same": str(data)}},
            "trainer": {
                "per_device_train_batch_size": 4,
                "max_steps": 2,
                "learning_rate": 5e-3,
                "save_strategy": "no",
                "use_cpu": True,
                "disable_tqdm": True,
            },
        }
        trained, pairs = train_reward_model(parse_recipe(table)), list(load_pairs(str(data)))
        rewards = iter(ours(trained.folder, pairs))
        margins = [
            (a - b) * (1 if pair.label == "A" else -1) for pair, a, b in zip(pairs, rewards, rewards, strict=True)
        ]
        rounding = 0.05 if model.get("dtype") == "bfloat16" else 1e-4
        assert trained.results["same"].margin_mean == pytest.approx(sum(margins) / len(margins), abs=rounding)
        return trained.folder, pairs

    return run


def ours(folder, pairs):
    model = RewardModel.load(folder, device="cpu", dtype="float32")
    return [reward for scored in model.score(pairs) for reward in scored.rewards]


def texts_of(tokenizer, pairs):
    """What a script makes of pairs: the template rendered to text."""
    for pair in pairs:
        for response in pair.responses:
            turns = [{"role": m.role, "content": m.content} for m in pair.context]
            yield tokenizer.apply_chat_template([*turns, {"role": "assistant", "content": response}], tokenize=False)


@torch.inference_mode()
def plain(model, tokenizer, texts, side="right", batch=16, **options):
    """What everyone does: tokenise and pad with the tokeniser, call the model."""
    rewards = []
    for start in range(0, len(texts), batch):
        inputs = tokenizer(
            texts[start : start + batch], padding=batch > 1, padding_side=side, return_tensors="pt", **options
        )
        rewards += model.eval()(**inputs).logits[:, 0].tolist()
    return rewards


@pytest.mark.parametrize("lora", [False, True], ids=["full", "lora"])
@pytest.mark.parametrize("arrangement", DECODERS)
def test_saved_decoder_scores_equally_in_all_software(train, tmp_path, arrangement, lora):
    base = make_decoder(tmp_path / "base", **DECODERS[arrangement])
    folder, pairs = train(base, **({"lora": {"rank": 2}} if lora else {}))

    found = examine(str(folder), device="cpu")
    assert found.findings == ()
    assert all(path.agrees for path in found.paths)
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert model.config.pad_token_id == tokenizer.pad_token_id
    texts = list(texts_of(tokenizer, pairs))
    expected = ours(folder, pairs)
    assert len(set(expected)) > len(expected) // 2
    for side in ("right", "left"):
        assert plain(model, tokenizer, texts, side) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("lora", [False, True], ids=["full", "lora"])
def test_saved_decoder_with_absolute_positions_scores_equally_without_left_padding(train, tmp_path, lora):
    """GPT-2's arrangement: one token for all. Left padding moves its text unless positions are given; the doctor says so."""
    base = make_decoder(tmp_path / "base", kind="gpt2", template=None, pad=None, unk="<end>", bos="<end>")
    folder, pairs = train(base, **({"lora": {"rank": 2}} if lora else {}))

    found = examine(str(folder), device="cpu")
    assert found.healthy
    assert {finding.kind for finding in found.findings} <= {"left-padding", "unpacked"}
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    texts, expected = list(texts_of(tokenizer, pairs)), ours(folder, pairs)
    assert plain(model, tokenizer, texts) == pytest.approx(expected, abs=1e-5)
    inputs = tokenizer(texts, padding=True, padding_side="left", return_tensors="pt")
    positions = (inputs["attention_mask"].cumsum(1) - 1).clamp_min(0)
    with torch.inference_mode():
        rewards = model.eval()(**inputs, position_ids=positions).logits[:, 0]
    assert rewards.tolist() == pytest.approx(expected, abs=1e-5)


def test_saved_model_without_special_tokens_and_template_is_correct_and_reported(train, tmp_path):
    """No token can end its texts: the reward is read off the last word, which the doctor says."""
    base = make_decoder(tmp_path / "base", template=None, pad=None, eos=None, unk=None)
    folder, pairs = train(base)

    assert [finding.kind for finding in examine(str(folder), device="cpu").findings] == ["no-final-token"]
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    for side in ("right", "left"):
        rewards = plain(model, tokenizer, list(texts_of(tokenizer, pairs)), side)
        assert rewards == pytest.approx(ours(folder, pairs), abs=1e-5)


def test_retrained_model_scores_equally_in_all_software(train, tmp_path):
    """Its contract, template and pad token are those of the first run."""
    first, _ = train(make_decoder(tmp_path / "base", **DECODERS["pad is end"]), lora={"rank": 2})
    kept = first.rename(tmp_path / "first")
    second, _ = train(kept)
    assert examine(str(second), device="cpu").findings == ()
    for file in ("reward_contract.json", "chat_template.jinja", "tokenizer.json"):
        assert (second / file).read_text() == (kept / file).read_text()


def test_unmerged_adapter_is_reported_if_base_pad_token_breaks_it(train, tmp_path):
    base = make_decoder(tmp_path / "base", **DECODERS["pad is end"])
    folder, pairs = train(base, lora={"rank": 2, "merge": False})

    assert (folder / "adapter_model.safetensors").exists()
    assert not (folder / "config.json").exists()
    found = examine(str(folder), device="cpu")
    [told] = [finding for finding in found.findings if finding.kind == "pad-is-final"]
    assert f"{base}/config.json: the pad token '<end>'" in told.problem
    RewardModel.load(folder, device="cpu").save(tmp_path / "merged")
    assert examine(str(tmp_path / "merged"), device="cpu").findings == ()
    assert ours(tmp_path / "merged", pairs) == pytest.approx(ours(folder, pairs), abs=1e-5)


def test_full_weights_are_not_written_next_to_an_adapter(train, tmp_path):
    """Transformers puts an adapter beside a configuration on top of the weights there: it would be added twice."""
    base = make_decoder(tmp_path / "base")
    folder, _ = train(base, lora={"rank": 2, "merge": False})
    for table in ({"lora": {"rank": 2}}, {}):
        with pytest.raises(InputError, match="give another output"):
            train(base, **table)
    with pytest.raises(InputError, match="holds an adapter"):
        RewardModel.load(folder, device="cpu").save(folder)
    assert not (folder / "config.json").exists()


def test_an_adapter_on_an_adapter_is_refused(train, tmp_path):
    """It would be saved for the base of the first one, and loaded without the first."""
    folder, _ = train(make_decoder(tmp_path / "base"), lora={"rank": 2})
    with pytest.raises(InputError, match=r"second one would be saved without it; merge it first"):
        train(folder / "adapter", lora={"rank": 2})


def test_transformers_pipeline_returns_reward_without_sigmoid(train, tmp_path):
    from transformers import pipeline

    folder, pairs = train(make_decoder(tmp_path / "base"))
    score = pipeline("text-classification", model=str(folder), device="cpu")
    rewards = [score(text)[0]["score"] for text in texts_of(score.tokenizer, pairs)]
    assert rewards == pytest.approx(ours(folder, pairs), abs=1e-5)
    assert min(rewards) < 0


def test_the_head_of_an_adapter_keeps_its_precision(train, tmp_path):
    """A float32 head was rounded to the base's bfloat16 on loading."""
    folder, _ = train(make_decoder(tmp_path / "base"), lora={"rank": 2}, dtype="bfloat16")
    [stored] = [t for n, t in load_file(folder / "adapter" / "adapter_model.safetensors").items() if "score" in n]
    head = RewardModel.load(folder / "adapter", device="cpu").model.score.weight
    assert head.dtype == torch.float32
    assert torch.equal(head, stored)
    assert torch.equal(load_file(folder / "model.safetensors")["score.weight"], stored)


@pytest.mark.parametrize("arrangement", [name for name in DECODERS if "out of the vocabulary" not in name])
def test_separate_adapter_gives_same_rewards_with_tokeniser_pad_token(train, tmp_path, arrangement):
    """By PEFT's own loader, where it can load the base; there the base's pad token counts, which no adapter can change."""
    from peft import AutoPeftModelForSequenceClassification

    folder, pairs = train(make_decoder(tmp_path / "base", **DECODERS[arrangement]), lora={"rank": 2})
    expected = ours(folder, pairs)
    assert ours(folder / "adapter", pairs) == pytest.approx(expected, abs=1e-5)
    model = AutoPeftModelForSequenceClassification.from_pretrained(folder / "adapter", num_labels=1)
    tokenizer = AutoTokenizer.from_pretrained(folder / "adapter")
    model.config.pad_token_id = tokenizer.pad_token_id
    for batch in (1, 16):
        assert plain(model, tokenizer, list(texts_of(tokenizer, pairs)), batch=batch) == pytest.approx(
            expected, abs=1e-5
        )


@pytest.mark.parametrize("lora", [False, True], ids=["full", "lora"])
@pytest.mark.parametrize("arrangement", ENCODERS)
def test_saved_encoder_scores_equally_in_all_software(train, tmp_path, arrangement, lora):
    base = make_encoder(tmp_path / "base", **ENCODERS[arrangement])
    folder, pairs = train(base, **({"lora": {"rank": 2}} if lora else {}))

    found = examine(str(folder), device="cpu")
    assert found.healthy
    assert {finding.kind for finding in found.findings} <= {"unpacked", "not-applicable"}
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    first = [pair.context[0].content for pair in pairs for _ in pair.responses]
    second = [response for pair in pairs for response in pair.responses]
    with torch.inference_mode():
        inputs = tokenizer(first, second, padding=True, return_tensors="pt")
        rewards = model.eval()(**inputs).logits[:, 0].tolist()
    assert rewards == pytest.approx(ours(folder, pairs), abs=1e-5)
    assert len(set(rewards)) > len(rewards) // 2
