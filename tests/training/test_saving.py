"""What `train rm` saves gives plain transformers, PEFT and the doctor the same rewards as us, whatever the base."""

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from rightly.data.load import load_pairs
from rightly.reward_models.doctor import examine
from rightly.reward_models.model import RewardModel
from rightly.training.recipe import parse_recipe
from rightly.training.run import train_reward_model
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
        assert trained.results["same"].margin_mean == pytest.approx(sum(margins) / len(margins), abs=1e-4)
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
def test_a_decoders_checkpoint_is_right_for_everyone(train, tmp_path, arrangement, lora):
    base = make_decoder(tmp_path / "base", **DECODERS[arrangement])
    folder, pairs = train(base, **({"lora": {"rank": 2}} if lora else {}))

    found = examine(str(folder), device="cpu")
    assert found.findings == ()
    assert all(path.agrees for path in found.ways)
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert model.config.pad_token_id == tokenizer.pad_token_id
    texts = list(texts_of(tokenizer, pairs))
    expected = ours(folder, pairs)
    assert len(set(expected)) > len(expected) // 2
    for side in ("right", "left"):
        assert plain(model, tokenizer, texts, side) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("arrangement", DECODERS)
def test_an_adapter_alone_gives_the_same_rewards_once_it_pads_as_its_tokeniser(train, tmp_path, arrangement):
    """By PEFT's own loader; the pad token of the base's configuration counts there, which the adapter cannot change."""
    from peft import AutoPeftModelForSequenceClassification

    folder, pairs = train(make_decoder(tmp_path / "base", **DECODERS[arrangement]), lora={"rank": 2})
    if DECODERS[arrangement].get("config_pad") == 5000:
        pytest.skip("transformers cannot load the base")

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
def test_an_encoders_checkpoint_is_right_for_everyone(train, tmp_path, arrangement, lora):
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
