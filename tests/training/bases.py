"""Small base models with every arrangement of pad, end, unknown and start token."""

import json

from tests.training.conftest import WORDS

CHATML = (
    "{% for m in messages %}<|{{ m['role'] }}|> {{ m['content'] }} <end>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|> {% endif %}"
)
ENDLESS = "{% for m in messages %}<|{{ m['role'] }}|> {{ m['content'] }} {% endfor %}"

DECODERS = {
    "own pad": {},
    "no pad": {"pad": None},
    "pad is end": {"pad": "<end>"},
    "pad is unknown": {"pad": "<unk>"},
    "pad is end, of the configuration alone": {"config_pad": "<end>"},
    "configuration has no pad": {"config_pad": None},
    "configuration pads otherwise": {"config_pad": "<unk>"},
    "configuration's pad out of the vocabulary": {"config_pad": 5000},
    "no pad, no unknown": {"pad": None, "unk": None},
    "no pad, no unknown, a reserved token": {"pad": None, "unk": None, "extra": ["<|reserved_0|>"]},
    "no pad, unknown is end": {"pad": None, "unk": "<end>"},
    "no end": {"eos": None},
    "no end, no pad": {"eos": None, "pad": None},
    "one token for all": {"pad": "<end>", "unk": "<end>", "bos": "<end>"},
    "start token written twice": {"bos": "<s>", "template": "<s> " + CHATML, "adds_bos": True},
    "start token of the tokeniser alone": {"bos": "<s>", "adds_bos": True},
    "template without an end": {"template": ENDLESS},
    "template without an end, pad is end": {"template": ENDLESS, "pad": "<end>"},
    "template, no end token named": {"template": CHATML, "eos": None, "pad": None, "unk": None},
    "template ends otherwise than texts": {"eos": "<s>", "pad": "<s>"},
    "no template": {"template": None},
    "no template, pad is end": {"template": None, "pad": "<end>"},
    "no template, no pad, start is end": {"template": None, "pad": None, "unk": "<end>", "bos": "<end>"},
    "no template, no end": {"template": None, "eos": None, "bos": "<s>"},
    "pad beyond the embedding": {"pad": "<pad>", "rows": -1},
    "spare rows": {"pad": None, "unk": None, "rows": 8},
}
"""What differs from a sound base: see `make_decoder`."""


ENCODERS = {
    "bert": {"kind": "bert"},
    "bert without a pooling layer": {"kind": "bert", "as_language_model": True},
    "bert without a pad token": {"kind": "bert", "pad": None},
    "bert, configuration pads otherwise": {"kind": "bert", "config_pad": 5},
    "bert, configuration's pad out of the vocabulary": {"kind": "bert", "config_pad": 5000},
    "roberta": {"kind": "roberta", "as_language_model": True},
    "roberta, configuration pads otherwise": {"kind": "roberta", "config_pad": 5, "as_language_model": True},
    "distilbert": {"kind": "distilbert", "as_language_model": True},
    "deberta": {"kind": "deberta-v2", "as_language_model": True},
    "modernbert": {"kind": "modernbert", "as_language_model": True},
}
"""What differs from a sound base: see `make_encoder`."""


def make_encoder(folder, *, kind, pad="[PAD]", config_pad="as the tokeniser", as_language_model=False):
    """A small encoder; as a masked language model it lacks what a classifier adds: a pooling layer, a dense head."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, PreTrainedTokenizerFast

    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
    vocabulary = {token: number for number, token in enumerate([*special, *WORDS])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token=pad,
        cls_token="[CLS]",
        sep_token="[SEP]",
        unk_token="[UNK]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"],
    )
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        kind,
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=128,
        initializer_range=0.2,
        pad_token_id=0,
        **{"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 4} if kind == "distilbert" else {},
        **{"pooler_hidden_size": 32} if kind == "deberta-v2" else {},
        **{"cls_token_id": 1, "sep_token_id": 2, "bos_token_id": 1, "eos_token_id": 2} if kind == "modernbert" else {},
    )
    (AutoModelForMaskedLM if as_language_model else AutoModel).from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if config_pad != "as the tokeniser":
        _write(folder / "config.json", pad_token_id=config_pad)
    return folder


def _tokenizer(names, special, adds_bos, template):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = ["Human", "Assistant", ":", *WORDS]
    vocabulary = {token: number for number, token in enumerate([*words, *special])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="the"))
    inner.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    if adds_bos:
        inner.post_processor = processors.TemplateProcessing(
            single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", vocabulary["<s>"])]
        )
    named = {f"{name}_token": token for name, token in names.items() if token is not None}
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, **named, additional_special_tokens=special, chat_template=template
    )


def make_decoder(
    folder,
    *,
    pad="<pad>",
    eos="<end>",
    unk="<unk>",
    bos=None,
    config_pad="as the tokeniser",
    template=CHATML,
    adds_bos=False,
    extra=(),
    rows=0,
    kind="qwen3",
):
    """A language model without a reward head.

    Args:
        folder: Where to.
        pad, eos, unk, bos: The tokeniser's.
        config_pad: A token, an id or nothing.
        template: Chat template.
        adds_bos: The tokeniser writes a start token by itself.
        extra: More special tokens.
        rows: Rows of the embedding beyond the tokens; below 0 the pad token has none.
        kind: Its architecture; by default one with rotary positions.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    names = {"eos": eos, "unk": unk, "bos": bos, "pad": pad}
    roles = ["<end>", "<|user|>", "<|assistant|>"]
    special = list(dict.fromkeys([*roles, *(token for token in names.values() if token), *extra]))
    tokenizer = _tokenizer(names, special, adds_bos, template)
    assert tokenizer.convert_ids_to_tokens(len(tokenizer) - 1) == special[-1]
    if config_pad == "as the tokeniser":
        config_pad = tokenizer.pad_token_id if rows >= 0 else None
    elif isinstance(config_pad, str):
        config_pad = tokenizer.convert_tokens_to_ids(config_pad)
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        kind,
        vocab_size=len(tokenizer) + rows,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=256,
        initializer_range=0.2,
        tie_word_embeddings=False,
        **{"n_embd": 32, "n_inner": 64, "n_layer": 2, "n_head": 4, "n_positions": 256} if kind == "gpt2" else {},
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    _write(folder / "config.json", pad_token_id=config_pad, eos_token_id=tokenizer.eos_token_id)
    return folder


def _write(path, **changes):
    table = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(table))
