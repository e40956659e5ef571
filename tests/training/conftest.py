import json
import random

import pytest

WORDS = "the a good bad fine poor answer reply says that this is not very clear wrong right short long and but".split()


def _text(draw, good):
    words = [draw.choice(WORDS) for _ in range(draw.randint(3, 12))]
    return " ".join([*words, "good" if good else "bad"])


def write_pairs(path, count, seed=0, prompt_words=12):
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        prompt = " ".join(draw.choice(WORDS) for _ in range(draw.randint(2, prompt_words)))
        rows.append({"id": str(number), "prompt": prompt, "chosen": _text(draw, True), "rejected": _text(draw, False)})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A Qwen3-shaped checkpoint with a tokeniser of words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast, Qwen3Config

    folder = tmp_path_factory.mktemp("tiny")
    special = ["<pad>", "<end>", "<unk>"]
    vocabulary = {token: number for number, token in enumerate([*special, "Human", "Assistant", ":", *WORDS])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()]  # type: ignore[list-item]
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", eos_token="<end>", unk_token="<unk>")
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        num_labels=1,
        pad_token_id=0,
        max_position_embeddings=128,
    )
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def recipe_table(tiny_model, tmp_path):
    """A recipe as a table: 40 training and 34 evaluation pairs."""
    return {
        "output": str(tmp_path / "run"),
        "model": {"name": str(tiny_model), "max_length": 64},
        "data": {
            "train": [str(write_pairs(tmp_path / "train.jsonl", 40))],
            "eval": {"dev": str(write_pairs(tmp_path / "dev.jsonl", 34, seed=1))},
        },
        "trainer": {
            "per_device_train_batch_size": 8,
            "max_steps": 6,
            "learning_rate": 5e-3,
            "logging_steps": 1,
            "save_strategy": "no",
            "use_cpu": True,
            "disable_tqdm": True,
            "seed": 3,
        },
    }
