"""The loss of one batch: ranking, centering, and contrast of two dropout views."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rightly.losses import (
    SwAV,
    best_of_k_loss,
    centering_loss,
    centering_of_group,
    difference_features,
    gather_rows,
    plackett_luce_loss,
    ranking_loss,
    response_features,
    simcse_loss,
)
from rightly.training.reward_model.recipe import ContrastiveTable, LossTable


@dataclass(frozen=True)
class Terms:
    """Loss terms of the ``G`` groups of a batch with ``N`` responses.

    Attributes:
        sizes: Number of responses of each group, ``(G,)``; the preferred one comes first.
        target: Probability that the label is right, ``(G,)``.
        margin: Margin that the difference of rewards should exceed, ``(G,)``.
        weight: Weight of each group in the loss, ``(G,)``.
        ranks: Ranks of the responses, ``(N,)``; all 0 in a group with unknown ranks.
        stated: Whether the target comes from the data (a tie, or the pair's own target) and must be kept, ``(G,)``.
    """

    sizes: Tensor
    target: Tensor
    margin: Tensor
    weight: Tensor
    ranks: Tensor
    stated: Tensor


class Objective(nn.Module):
    """Loss of rewards and features, with the prototypes of SwAV.

    Args:
        loss: Settings of the supervised part.
        contrastive: Settings of the unsupervised part; ``None`` omits it.
        width: Number of features of a response.
    """

    def __init__(self, loss: LossTable, contrastive: ContrastiveTable | None, width: int) -> None:
        super().__init__()
        self.loss, self.contrastive = loss, contrastive
        self.swav = None
        if contrastive is not None and contrastive.kind == "swav":
            self.swav = SwAV(
                width, contrastive.clusters, temperature=contrastive.temperature or 0.1, queue=contrastive.queue
            )

    @property
    def views(self) -> int:
        """Number of forward passes of every group of a batch."""
        return 1 if self.contrastive is None else 2

    def supervised(self, rewards: Tensor, terms: Terms) -> Tensor:
        """The ranking and centering loss, one number per group.

        Args:
            rewards: Rewards of the responses, ``(N,)``.
            terms: Loss terms of the same groups.

        Returns:
            The weighted losses, ``(G,)``.
        """
        if bool((terms.sizes == 2).all()):
            chosen, rejected = rewards[0::2], rewards[1::2]
            loss = ranking_loss(
                chosen, rejected, target=terms.target, margin=terms.margin, weight=terms.weight, reduction="none"
            )
            if self.loss.centering:
                loss = loss + self.loss.centering * centering_loss(chosen, rejected, reduction="none")
            return loss
        return self._listwise(rewards, terms)

    def _listwise(self, rewards: Tensor, terms: Terms) -> Tensor:
        """The loss of groups of any size; groups of two keep target and margin."""
        starts = terms.sizes.cumsum(0) - terms.sizes
        pair = terms.sizes == 2
        if self.loss.listwise == "plackett-luce":
            first = terms.ranks[starts] == terms.ranks[starts + 1]
            if bool((first & ~pair).any()):
                raise ValueError("plackett-luce needs ranks for groups of more than two; use best-of-k for the others")
            loss = plackett_luce_loss(rewards, terms.ranks, terms.sizes, reduction="none")
        else:
            loss = best_of_k_loss(rewards, torch.zeros_like(terms.sizes), terms.sizes, reduction="none")
        loss = loss * terms.weight
        if bool(pair.any()):
            at = starts[pair]
            two = ranking_loss(
                rewards[at],
                rewards[at + 1],
                target=terms.target[pair],
                margin=terms.margin[pair],
                weight=terms.weight[pair],
                reduction="none",
            )
            loss = loss.masked_scatter(pair, two)
        if self.loss.centering:
            loss = loss + self.loss.centering * centering_of_group(rewards, terms.sizes, reduction="none")
        return loss

    def contrast(self, first: Tensor, second: Tensor, terms: Terms) -> Tensor:
        """The contrastive loss of two views over the rows of all processes, a scalar.

        Args:
            first: Features of one dropout view, ``(N, H)``.
            second: Features of the other dropout view, ``(N, H)``.
            terms: Loss terms of the same groups. In groups of more than two responses the first two are contrasted.
        """
        table = self.contrastive
        if table is None:
            raise ValueError("the recipe has no contrastive loss")
        at = terms.sizes.cumsum(0) - terms.sizes
        form = difference_features if table.features == "difference" else response_features
        views = [form(gather_rows(view[at].float()), gather_rows(view[at + 1].float())) for view in (first, second)]
        if self.swav is not None:
            return self.swav(*views)
        mirrored = table.exclude_mirror and table.features == "difference"
        return simcse_loss(*views, temperature=table.temperature or 0.05, exclude_mirror=mirrored)
