"""The ways in which software gets rewards out of one checkpoint; on a sound one they all agree."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from transformers import AutoModelForSequenceClassification

from rightly.reward_models.batches import plan_batches
from rightly.reward_models.contract import Tokenizer
from rightly.reward_models.model import RewardModel
from rightly.reward_models.packing import TokenGroup


class Way(NamedTuple):
    """One way of scoring the probes.

    Attributes:
        name: What it is, in words.
        rewards: One a sequence; ``None`` where it failed.
        failure: Why it failed.
    """

    name: str
    rewards: tuple[float, ...] | None
    failure: str | None = None


def attempt(name: str, compute: Callable[[], Sequence[float]]) -> Way:
    """A way, whatever comes of it: other people's checkpoints break in every manner."""
    try:
        return Way(name, tuple(float(reward) for reward in compute()))
    except Exception as error:  # noqa: BLE001 - that it broke, and how, is the finding
        lines = str(error).strip().splitlines()
        return Way(name, None, f"{type(error).__name__}: {lines[0] if lines else 'no message'}")


@torch.inference_mode()
def through_batches(model: RewardModel, groups: Sequence[TokenGroup], *, packed: bool) -> list[float]:
    """Our rewards, packed or padded."""
    rewards = [[0.0] * len(group.branches) for group in groups]
    for slots, batch in plan_batches(groups, 2048, packed=packed, pad_id=model.pad_id):
        for (group, branch), reward in zip(slots, model.rewards(batch).tolist(), strict=True):
            rewards[group][branch] = reward
    return [reward for group in rewards for reward in group]


def plain_model(source: str, dtype: torch.dtype, *, revision: str | None, trust_remote_code: bool) -> Any:
    """The checkpoint as transformers alone loads it, with its own configuration."""
    model = AutoModelForSequenceClassification.from_pretrained(
        source, dtype=dtype, num_labels=1, revision=revision, trust_remote_code=trust_remote_code
    )
    return model.eval()


@torch.inference_mode()
def through_transformers(
    model: Any, sequences: Sequence[Sequence[int]], pad_id: int, *, batch: int, side: str = "right"
) -> list[float]:
    """The classifier's own forward: the last token that is not the configuration's pad token is pooled."""
    rewards: list[float] = []
    for start in range(0, len(sequences), batch):
        rows = sequences[start : start + batch]
        longest = max(map(len, rows))
        ids = torch.full((len(rows), longest), pad_id)
        mask = torch.zeros_like(ids)
        for row, sequence in enumerate(rows):
            place = slice(longest - len(sequence), None) if side == "left" else slice(0, len(sequence))
            ids[row, place] = torch.tensor(sequence)
            mask[row, place] = 1
        out = model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device))
        rewards += out.logits[:, 0].float().tolist()
    return rewards


def template_then_tokenise(tokenizer: Tokenizer, turns: list[dict[str, str]]) -> list[int]:
    """The ids that most scripts make: render the template to text, then call the tokeniser on it."""
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    return tokenizer(text)["input_ids"]
