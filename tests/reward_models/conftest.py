"""A small reward model with a chat template, and copies of it with one defect each."""

import json
import shutil

import pytest

from tests.training.conftest import tiny_model  # noqa: F401 - a fixture

TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}<end>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture(scope="session")
def sound(tmp_path_factory):
    """A Llama-shaped reward model: characters as tokens, a template that ends turns, a pad token of its own."""
    import torch
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import AutoModelForSequenceClassification, LlamaConfig, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("sound")
    special = ["<pad>", "<s>", "<end>", "<unk>", "<user>", "<assistant>", "<system>"]
    characters = [chr(code) for code in range(32, 127)] + ["\n"]
    inner = Tokenizer(models.WordLevel({t: i for i, t in enumerate([*special, *characters])}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="<end>",
        unk_token="<unk>",
        additional_special_tokens=special[4:],
        chat_template=TEMPLATE,
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(special) + len(characters),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        num_labels=1,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        max_position_embeddings=512,
        initializer_range=0.2,
    )
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def broken(sound, tmp_path):
    """Make a copy with some keys of its JSON files changed; ``None`` takes a key away."""

    def change(**files):
        folder = tmp_path / "broken"
        shutil.copytree(sound, folder)
        for stem, changes in files.items():
            path = folder / f"{stem}.json"
            table = json.loads(path.read_text()) | changes
            path.write_text(json.dumps({key: value for key, value in table.items() if value is not None}))
        return folder

    return change


@pytest.fixture
def spoiled(tiny_model, tmp_path):  # noqa: F811
    """A model whose reward is not a number where the word "bad" is read."""
    import torch

    from rightly.reward_models.model import RewardModel

    model = RewardModel.load(tiny_model, new_head=True, max_length=64)
    word = model.tokenizer.convert_tokens_to_ids("bad")
    with torch.no_grad():
        model.model.get_input_embeddings().weight[word] = float("nan")
    model.save(tmp_path / "spoiled")
    return tmp_path / "spoiled"
