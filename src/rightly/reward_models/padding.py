"""Choose the token that fills padded batches: one that no text ends with and that has a row in the embedding.

Software without support for the contract finds the end of a text by the configuration's pad id (transformers, TRL), so a
pad token that ends texts moves the position where the reward is read. An unused token of the vocabulary is preferred to a
new one: the embedding keeps its size, so an adapter need not include it and any server can load it.
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
    """Choose a pad token from the vocabulary: the tokeniser's own, a dedicated, a reserved, the unknown or the end token.

    Args:
        tokenizer: Tokeniser of the model.
        avoid: Tokens that texts end with.
        rows: Number of rows of the embedding, which the token must be within; ``None`` if unknown.

    Returns:
        The token; ``None`` if texts end with all candidates.
    """
    added = [token for token in tokenizer.get_added_vocab() if not _OTHER_MEDIA.search(token)]
    named = [token for pattern in (_NAMED_PAD, _NAMED_SPARE) for token in added if pattern.search(token)]
    for token in (tokenizer.pad_token, *named, tokenizer.unk_token, tokenizer.eos_token):
        if token and str(token) not in avoid and (rows is None or tokenizer.convert_tokens_to_ids(str(token)) < rows):
            return str(token)
    return None


def add_pad_token(tokenizer: Any) -> str:
    """Add a pad token to a tokeniser without an unused token; it may need a new row of the embedding."""
    tokenizer.add_special_tokens({"pad_token": _NEW})
    return _NEW


def set_pad_id(config: Any, pad_id: int | None) -> None:
    """Set the pad token in a configuration, including the part that describes the text model."""
    for each in (config, config.get_text_config()):
        each.pad_token_id = pad_id


def pad_with(model: Any, tokenizer: Any, token: str) -> None:
    """Pad with a token from now on, on the right, and set it in the model's configuration too.

    An encoder's configuration does not change, since an encoder may count positions from its pad id.
    """
    tokenizer.pad_token = token
    tokenizer.padding_side = "right"
    if pools_last_token(model):
        set_pad_id(model.config, tokenizer.pad_token_id)


def fit_embedding(model: Any, tokenizer: Any) -> None:
    """Extend the embedding to a row for every token, as PEFT does before attaching an adapter; it never shrinks."""
    if len(tokenizer) > len(model.get_input_embeddings().weight):
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
