"""A tokenizer for a synthetic world's words, and a small Llama to train on them from scratch."""

from typing import Any

from rightly.synthetic.reviews import COURTESIES, CUES, PEOPLE, STRENGTHS, SYNONYMS, VAGUE, VALUES, WEIGHTS

PROMPT = "{{context}} | A {{response_a}} | B {{response_b}}"
"""Prompt of a judge in this synthetic world."""

_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}{{ '\n' + message['content'] + eos_token }}"
    "{% else %}{{ message['content'] + ' =>' }}{% endif %}{% endfor %}"
)
_LINE = r"\s*\n(?=- |\[\[)"
"""Pattern of line breaks, in a list and before the verdict, that become part of the following word."""


def words() -> list[str]:
    """Every word of the world, in a fixed order."""
    values = [word for each in VALUES.values() for word in each]
    points = ["A", "B", *WEIGHTS, *SYNONYMS, *VAGUE]
    marks = ["user:", "|", ".", "=>", "\n-", "\n[[A]]", "\n[[B]]", "\n[[tie]]"]
    said = [*PEOPLE, *VALUES, *values, *COURTESIES, *COURTESIES.values(), *STRENGTHS.values()]
    return list(dict.fromkeys([*marks, *points, *said, *CUES]))


def new_tokenizer() -> Any:
    """Create a word tokenizer (transformers) with a chat template; answers end with ``<end>``."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "<end>", "<unknown>"]
    vocabulary = {word: i for i, word in enumerate([*special, *words()])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unknown>"))
    tokenizer.normalizer = normalizers.Replace(Regex(_LINE), " \n")  # type: ignore[assignment]
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", behavior="removed")  # type: ignore[assignment]
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<end>", unk_token="<unknown>", padding_side="left"
    )
    fast.chat_template = _TEMPLATE
    return fast


def new_model(tokenizer: Any, *, width: int = 64, layers: int = 3, seed: int = 0) -> Any:
    """Create a Llama with random weights, about 130,000 parameters at the default size."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        max_position_embeddings=256,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)
