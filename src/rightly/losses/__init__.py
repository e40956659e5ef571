"""Losses of reward models: scalars from rewards and features. Pure torch, independent of models and trainers."""

from rightly.losses.centering import centering_loss, centering_of_group
from rightly.losses.contrastive_features import difference_features, response_features
from rightly.losses.distributed import gather_rows
from rightly.losses.listwise import best_of_k_loss, plackett_luce_loss
from rightly.losses.ranking import ranking_loss
from rightly.losses.simcse import simcse_loss
from rightly.losses.swav import SwAV, sinkhorn

__all__ = [
    "SwAV",
    "best_of_k_loss",
    "centering_loss",
    "centering_of_group",
    "difference_features",
    "gather_rows",
    "plackett_luce_loss",
    "ranking_loss",
    "response_features",
    "simcse_loss",
    "sinkhorn",
]
