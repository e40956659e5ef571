"""Batches of training pairs as tensors."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rightly.reward_models.fast.batches import make_batch
from rightly.training.reward_model.data import TrainingPair
from rightly.training.reward_model.objective import Terms

_TERMS = ("sizes", "target", "margin", "weight", "ranks", "stated")


@dataclass(frozen=True)
class Collator:
    """Builds the model's arguments from the groups of a batch, once per view of the objective, with the loss terms.

    Attributes:
        packed: Whether to build a packed row instead of a padded batch.
        pad_id: Token id that fills a padded batch.
        views: Number of times that every group is included.
    """

    packed: bool
    pad_id: int
    views: int = 1

    def __call__(self, pairs: Sequence[TrainingPair]) -> dict[str, Tensor]:
        """The model's arguments, and sizes, target, margin, weight, stated, ``(G,)``, and ranks, ``(N,)``."""
        groups = [pair.group for pair in pairs] * self.views
        ranks = [rank for pair in pairs for rank in (pair.ranks or (0,) * len(pair.group.branches))]
        return {
            **make_batch(groups, packed=self.packed, pad_id=self.pad_id),
            "sizes": torch.tensor([len(pair.group.branches) for pair in pairs]),
            "target": torch.tensor([pair.target for pair in pairs]),
            "margin": torch.tensor([pair.margin for pair in pairs]),
            "weight": torch.tensor([pair.weight for pair in pairs]),
            "ranks": torch.tensor(ranks),
            "stated": torch.tensor([pair.stated for pair in pairs]),
        }


def split_terms(batch: dict[str, Tensor]) -> tuple[dict[str, Tensor], Terms]:
    """Split the model's arguments from the loss terms, which must not reach the model."""
    terms = Terms(**{name: batch[name] for name in _TERMS})
    return {name: value for name, value in batch.items() if name not in _TERMS}, terms
