"""Which token fills padded batches: one that no text ends with and that has a row in the embedding.

Software that knows nothing of our contract finds the end of a text by the pad id of the configuration (transformers, TRL), so
a pad token that ends texts moves the place where the reward is read. A token that the vocabulary has and no text uses is
taken before one is added: the embedding keeps its size, so an adapter need not carry it and any server can load it.
"""

import re
from collections.abc import Collection
from typing import Any

from rightly.reward_models.model_parts import pools_last_token

_OTHER_MEDIA = re.compile("image|video|vision|audio", re.IGNORECASE)
_NAMED_PAD = re.compile("pad", re.IGNORECASE)
_NAMED_SPARE = re.compile("reserved|unused|placeholder|extra_id", re.IGNORECASE)
_NEW = "<pad>"


def choose_pad_token(tokenizer: Any, avoid: Collection[str | None], rows: int | None = None) -> str | None:
    """A token of the vocabulary to pad with: the tokeniser's own, one meant for it, a reserved one, the unknown or end token.

    Args:
        tokenizer: The model's.
        avoid: Tokens that texts end with.
        rows: Rows of the embedding; a token beyond them is of no use. ``None``: not known.

    Returns:
        ``None`` where there is none that texts do not end with.
    """
    added = [token for token in tokenizer.get_added_vocab() if not _OTHER_MEDIA.search(token)]
    named = [token for pattern in (_NAMED_PAD, _NAMED_SPARE) for token in added if pattern.search(token)]
    for token in (tokenizer.pad_token, *named, tokenizer.unk_token, tokenizer.eos_token):
        if token and str(token) not in avoid and (rows is None or tokenizer.convert_tokens_to_ids(str(token)) < rows):
            return str(token)
    return None


def add_pad_token(tokenizer: Any) -> str:
    """Give the tokeniser a pad token of its own, where it has no token to spare; it may need a new row of the embedding."""
    tokenizer.add_special_tokens({"pad_token": _NEW})
    return _NEW


def set_pad_id(config: Any, pad_id: int | None) -> None:
    """Name the pad token in a configuration, also in the part of it that describes the text model."""
    for each in (config, config.get_text_config()):
        each.pad_token_id = pad_id


def pad_with(model: Any, tokenizer: Any, token: str) -> None:
    """Pad with a token from now on, right of the text, and let the model's configuration name it too.

    An encoder's configuration stays as it is, since an encoder may count positions from its pad id.
    """
    tokenizer.pad_token = token
    tokenizer.padding_side = "right"
    if pools_last_token(model):
        set_pad_id(model.config, tokenizer.pad_token_id)


def fit_embedding(model: Any, tokenizer: Any) -> None:
    """Give the embedding a row for every token, as PEFT does before it attaches an adapter; it is never made smaller."""
    if len(tokenizer) > len(model.get_input_embeddings().weight):
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
