"""Automatic adjustment without an ensemble: in its first epoch a model scores every pair before training on it.

The margin before a pair is first trained on is its held-out strength. The noise model (`rightly.preferences.quality`) is
refitted regularly to the margins of the latest pairs, and its probability that the label is right becomes the pair's
target. Ties and pairs with a target in the data keep it and are not part of the fit, because they have no label that could
be wrong. From the second epoch on the model has seen the labels, and wrong ones start to look right: train for one epoch,
or use a table.
"""

from dataclasses import replace

import torch
import torch.distributed as dist
from torch import Tensor, nn

from rightly.preferences.quality import likeliest_noise, noise_posterior
from rightly.training.reward_model.objective import Terms

WINDOW = 2048
"""Number of latest pairs that a fit uses."""

FIRST = 256
"""Number of pairs before the first fit; until then targets are not adjusted."""

EVERY = 64
"""Number of pairs between two fits."""


class OnlineAdjustment(nn.Module):
    """Adjusts the targets of a batch by its own margins; the state is part of a checkpoint.

    Args:
        cap: Largest target; 1 - cap is the smallest.
    """

    margins: Tensor
    counts: Tensor
    fit: Tensor

    def __init__(self, cap: float) -> None:
        super().__init__()
        self.cap = cap
        self.register_buffer("margins", torch.zeros(WINDOW, dtype=torch.float64))
        self.register_buffer("counts", torch.zeros(2, dtype=torch.int64))  # pairs seen, pairs seen at the last fit
        self.register_buffer("fit", torch.zeros(2, dtype=torch.float64))  # rate, temperature

    @property
    def noise_rate(self) -> float:
        """Estimated share of wrong labels among the latest pairs; 0 before the first fit."""
        return float(self.fit[0])

    @torch.no_grad()
    def adjust(self, rewards: Tensor, terms: Terms) -> Terms:
        """The terms with adjusted targets by the latest fit; afterwards the batch is added to the data of the fit.

        Args:
            rewards: Rewards of the responses, ``(N,)``.
            terms: Loss terms of the same pairs, with two responses each.

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
