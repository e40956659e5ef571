"""Frozen features of responses: what a head could learn from without training the body."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rightly.reward_models.anatomy import backbone, pools_last_token
from rightly.reward_models.batches import padded_batch
from rightly.reward_models.contract import Encoded
from rightly.reward_models.model import RewardModel
from rightly.types import PreferencePair


@torch.inference_mode()
def frozen_features(
    model: RewardModel, pairs: Sequence[PreferencePair], *, tokens_per_batch: int = 8192
) -> list[NDArray[np.float32]]:
    """Features of every response: the mean last hidden state over its tokens, and the state that a head would read.

    Args:
        model: Its head may be new; it is not used.
        pairs: Two or more responses each.
        tokens_per_batch: Tokens computed in one pass.

    Returns:
        For each pair ``(responses, 2 H)`` float32.
    """
    encoded = [model.encode(pair.context, pair.responses) for pair in pairs]
    slots = [(number, branch) for number, found in enumerate(encoded) for branch in range(len(found))]
    slots.sort(key=lambda slot: -len(encoded[slot[0]][slot[1]].ids))
    found: list[list[Any]] = [[None] * len(each) for each in encoded]
    while slots:
        longest = len(encoded[slots[0][0]][slots[0][1]].ids)
        now, slots = slots[: max(tokens_per_batch // longest, 1)], slots[max(tokens_per_batch // longest, 1) :]
        for (number, branch), row in zip(now, _states(model, [encoded[n][b] for n, b in now]), strict=True):
            found[number][branch] = row
    return [np.stack(each) for each in found]


def _states(model: RewardModel, rows: Sequence[Encoded]) -> NDArray[np.float32]:
    batch = padded_batch([row.ids for row in rows], model.pad_id)
    device = model.model.device
    ids, mask = batch["input_ids"].to(device), batch["attention_mask"].to(device)
    hidden = backbone(model.model)(input_ids=ids, attention_mask=mask, return_dict=True).last_hidden_state.float()
    lengths = mask.sum(dim=1)
    places = torch.arange(hidden.shape[1], device=device)[None, :]
    response = torch.tensor([row.response_tokens for row in rows], device=device)
    spans = (places < lengths[:, None]) & (places >= (lengths - response.clamp(min=1))[:, None])
    mean = (hidden * spans[:, :, None]).sum(dim=1) / spans.sum(dim=1, keepdim=True)
    read = lengths - 1 if pools_last_token(model.model) else torch.zeros_like(lengths)
    pooled = hidden[torch.arange(len(rows), device=device), read]
    return torch.cat([mean, pooled], dim=1).cpu().numpy()
