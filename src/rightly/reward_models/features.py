"""Frozen features of responses, from which a head can learn without training the body."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rightly.errors import PairError, about_pair
from rightly.reward_models.contract import Encoded
from rightly.reward_models.fast.batches import Batch, plan_batches
from rightly.reward_models.fast.packing import group_sequences
from rightly.reward_models.model import RewardModel
from rightly.reward_models.model_parts import backbone, pools_last_token
from rightly.types import PreferencePair


@torch.inference_mode()
def frozen_features(
    model: RewardModel, pairs: Sequence[PreferencePair], *, tokens_per_batch: int = 8192
) -> list[NDArray[np.float32]]:
    """Features of every response: the mean last hidden state over its tokens, and the state that a head reads.

    Args:
        model: Reward model; its head is not used and may be new.
        pairs: Pairs with two or more responses each.
        tokens_per_batch: Maximum number of tokens in one forward pass.

    Returns:
        The features of each pair, ``(responses, 2 H)`` float32; responses with equal tokens have equal rows.

    Raises:
        PairError: A pair cannot be rendered, or its features are not finite.
    """
    encoded: list[list[Encoded]] = []
    for pair in pairs:
        with about_pair(pair.id, pair.content_key):
            encoded.append(model.encode(pair.context, pair.responses))
    groups = [group_sequences([each.ids for each in found]) for found in encoded]
    found: list[list[Any]] = [[None] * len(each) for each in encoded]
    for answered, batch in plan_batches(groups, tokens_per_batch, packed=False, pad_id=model.pad_id):
        response = torch.tensor([encoded[number][branch].response_tokens for (number, branch), *_ in answered])
        for slots, row in zip(answered, _states(model, batch, response), strict=True):
            for number, branch in slots:
                found[number][branch] = row
    features = [np.stack(each) for each in found]
    for pair, rows in zip(pairs, features, strict=True):
        if not np.isfinite(rows).all():
            problem = f"{model.name} gives it features that are not finite"
            raise PairError(pair.id, pair.content_key, problem, fix=f"see `rightly doctor {model.name}`")
    return features


def _states(model: RewardModel, batch: Batch, response: Tensor) -> NDArray[np.float32]:
    device = model.model.device
    ids, mask, response = batch["input_ids"].to(device), batch["attention_mask"].to(device), response.to(device)
    hidden = backbone(model.model)(input_ids=ids, attention_mask=mask, return_dict=True).last_hidden_state.float()
    lengths = mask.sum(dim=1)
    places = torch.arange(hidden.shape[1], device=device)[None, :]
    spans = (places < lengths[:, None]) & (places >= (lengths - response.clamp(min=1))[:, None])
    mean = (hidden * spans[:, :, None]).sum(dim=1) / spans.sum(dim=1, keepdim=True)
    read = lengths - 1 if pools_last_token(model.model) else torch.zeros_like(lengths)
    pooled = hidden[torch.arange(len(ids), device=device), read]
    return torch.cat([mean, pooled], dim=1).cpu().numpy()
