"""The loss of one batch: ranking, centering, contrast of two dropout views."""

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
    """What the data say of the ``G`` groups of a batch with ``N`` responses.

    Attributes:
        sizes: ``(G,)`` responses of a group; the preferred one is its first.
        target: ``(G,)``.
        margin: ``(G,)``.
        weight: ``(G,)``.
        ranks: ``(N,)``; 0 throughout a group whose ranks are unknown.
        stated: ``(G,)`` true where the data state the target (a tie, or a target of the pair's own), which is then kept.
    """

    sizes: Tensor
    target: Tensor
    margin: Tensor
    weight: Tensor
    ranks: Tensor
    stated: Tensor


class Objective(nn.Module):
    """Loss of rewards and features; holds the prototypes of SwAV.

    Args:
        loss: The supervised part.
        contrastive: The unsupervised part; ``None`` for none.
        width: Features of a response.
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
        """How often the model sees every group of a batch."""
        return 1 if self.contrastive is None else 2

    def supervised(self, rewards: Tensor, terms: Terms) -> Tensor:
        """Ranking and centering, a number a group.

        Args:
            rewards: ``(N,)``.
            terms: Of the same groups.

        Returns:
            ``(G,)``, weighted.
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
        """Groups of any sizes; pairs among them keep target and margin."""
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
        """The contrastive loss of two views, over the rows of all processes; one number.

        Args:
            first: ``(N, H)`` features of one dropout view.
            second: ``(N, H)`` of the other.
            terms: Of the same groups. Of more than two responses the first two are contrasted.
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
