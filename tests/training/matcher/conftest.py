"""A small encoder and a small decoder to train, and a table of a recipe."""

import json

import pytest

from rightly.data.load import load_pairs
from rightly.matchers.validation.summhay import load_summhay

CONTRAST = {
    "point": "Response A cites a source",
    "paraphrases": ["A gives a reference", "there is a source in A"],
    "opposites": ["Response A cites no source"],
    "changed": ["Response A cites a poem"],
    "general": ["Response A is well supported"],
    "specific": ["Response A cites a source of 2019"],
    "topic": ["Response A's source is old"],
    "vague": "Response A is better",
}


def _words():
    texts = [text for case in load_summhay()[:40] for text in (*case.points, *case.bullets)]
    texts += [reason.text for pair in load_pairs("sample:ukpconvarg1") for reason in pair.rationales]
    return sorted({word for text in texts for word in text.lower().replace(".", " ").replace(",", " ").split()})


def _tokenizer(special, **names):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: place for place, word in enumerate([*special, *_words()])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if "sep_token" in names:
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", **names), len(vocabulary)


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory):
    """A BERT of two narrow layers over words."""
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("encoder")
    names = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    tokenizer, size = _tokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]"], **names)
    config = BertConfig(
        vocab_size=size, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def tiny_decoder(tmp_path_factory):
    """A Llama of three narrow layers over words, whose tokenizer has no separator and no pad token."""
    from transformers import LlamaConfig, LlamaModel

    folder = tmp_path_factory.mktemp("decoder")
    tokenizer, size = _tokenizer(["[UNK]", "[END]"], eos_token="[END]")
    config = LlamaConfig(
        vocab_size=size, hidden_size=32, num_hidden_layers=3, num_attention_heads=2, intermediate_size=64,
        pad_token_id=1, eos_token_id=1, bos_token_id=None,
    )  # fmt: skip
    LlamaModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture
def table(tiny_encoder, tmp_path):
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(_renamed(name)) + "\n" for name in "abcdefghijklmnop"))
    return {
        "output": str(tmp_path / "matcher"),
        "model": {"base": tiny_encoder, "max_length": 64, "rank": 4},
        "data": {
            "topics": ["news"],
            "contrasts": [str(tmp_path / "own.jsonl")],
            "limit": 40,
            "edits": 20,
            "epochs": 1,
            "held_debates": ["tv-is-better-than-books"],
        },
        "trainer": {"per_device_train_batch_size": 16, "max_steps": 6, "use_cpu": True, "save_steps": 2, "seed": 3},
    }


def _renamed(name):
    return json.loads(json.dumps(CONTRAST).replace("source", f"source {name}"))
