"""The automatic adjustment without an ensemble: in its first epoch a model judges every pair before it has trained on it.

The margin at which a pair is met is held-out strength. The model of noise (`rightly.preferences.quality`) is fitted to the
margins of the latest pairs, again and again, and its probability that the label is right becomes the pair's target. Ties
and pairs whose target the data state keep it and tell the fit nothing: their label is no claim that could be wrong. From the
second epoch on the model has seen the labels, and wrong ones begin to look right: train for one epoch, or use a table.
"""

from dataclasses import replace

import torch
import torch.distributed as dist
from torch import Tensor, nn

from rightly.preferences.quality import likeliest_noise, noise_posterior
from rightly.training.reward_model.objective import Terms

WINDOW = 2048
"""Pairs that a fit looks back on."""

FIRST = 256
"""Pairs before the first fit; until then labels count as they are."""

EVERY = 64
"""Pairs from one fit to the next."""


class OnlineAdjustment(nn.Module):
    """Targets of a batch from its own margins; its state is part of a checkpoint.

    Args:
        cap: Largest target; its mirror image is the smallest.
    """

    margins: Tensor
    counts: Tensor
    fit: Tensor

    def __init__(self, cap: float) -> None:
        super().__init__()
        self.cap = cap
        self.register_buffer("margins", torch.zeros(WINDOW, dtype=torch.float64))
        self.register_buffer("counts", torch.zeros(2, dtype=torch.int64))  # pairs met, pairs met at the last fit
        self.register_buffer("fit", torch.zeros(2, dtype=torch.float64))  # rate, temperature

    @property
    def noise_rate(self) -> float:
        """Estimated share of wrong labels among the latest pairs; 0 before the first fit."""
        return float(self.fit[0])

    @torch.no_grad()
    def adjust(self, rewards: Tensor, terms: Terms) -> Terms:
        """Terms with the targets of this batch, by the fit so far; then the batch is taken into account.

        Args:
            rewards: ``(N,)``.
            terms: Of the same pairs, two responses each.

        Raises:
            ValueError: A group has more than two responses.
        """
        if bool((terms.sizes != 2).any()):
            raise ValueError("the online adjustment needs pairs, not groups of more responses")
        margins = (rewards[0::2] - rewards[1::2]).double()
        if float(self.fit[1]) > 0:
            q = noise_posterior(margins.cpu().numpy(), float(self.fit[0]), float(self.fit[1]))
            target = torch.as_tensor(q, device=rewards.device, dtype=terms.target.dtype).clamp(1 - self.cap, self.cap)
            terms = replace(terms, target=torch.where(terms.stated, terms.target, target))
        self._remember(_everywhere(margins[~terms.stated].cpu()))
        return terms

    def _remember(self, margins: Tensor) -> None:
        places = (int(self.counts[0]) + torch.arange(len(margins))) % WINDOW
        self.margins[places.to(self.margins.device)] = margins.to(self.margins.device)
        self.counts[0] += len(margins)
        met, last = self.counts.tolist()
        if met >= FIRST and met - last >= EVERY:
            known = self.margins[: min(met, WINDOW)].cpu().numpy()
            self.fit.copy_(torch.tensor(likeliest_noise(known), dtype=torch.float64))
            self.counts[1] = met


def _everywhere(own: Tensor) -> Tensor:
    """The margins of all processes, in the order of their ranks."""
    if not (dist.is_available() and dist.is_initialized()):
        return own
    parts: list = [None] * dist.get_world_size()
    dist.all_gather_object(parts, own)
    return torch.cat(parts)
