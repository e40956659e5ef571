"""Center rewards at zero: a ranking loss determines only differences, so that the level of the rewards may drift."""

from torch import Tensor

from rightly.losses.groups import group_mask, pad_groups
from rightly.losses.tensor_checks import Reduction, at_least_float32, check_vectors, reduce


def centering_loss(chosen: Tensor, rejected: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    """Square of the sum of a pair's rewards.

    The second term of eq. 2 of Eisenstein et al., "Helping or Herding? Reward Model Ensembles Mitigate but do not
    Eliminate Reward Hacking", 2023::

        (chosen + rejected)^2

    The coefficient is the caller's; 0.01 is usual.

    Args:
        chosen: Rewards of the preferred responses, ``(B,)``.
        rejected: Rewards of the others, ``(B,)``.
        reduction: ``"mean"`` over pairs, ``"sum"``, or ``"none"``: ``(B,)``.

    Raises:
        ValueError: Shapes other than ``(B,)``.
    """
    check_vectors(chosen=chosen, rejected=rejected)
    return reduce((at_least_float32(chosen) + at_least_float32(rejected)).square(), reduction)


def centering_of_group(rewards: Tensor, sizes: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    """The centering loss for groups of any size: ``(2 * mean reward of the group)^2``.

    The factor 2 makes it ``centering_loss`` for groups of two, so that one coefficient serves pairs and groups.

    Args:
        rewards: Rewards of consecutive groups, ``(N,)``.
        sizes: Number of responses of each group, ``(G,)``, integers of at least 1 that sum to N.
        reduction: ``"mean"`` over groups, ``"sum"``, or ``"none"``: ``(G,)``.

    Raises:
        ValueError: Shapes other than these, or sizes that do not sum to N.
    """
    check_vectors(rewards=rewards)
    rewards = at_least_float32(rewards)
    mask = group_mask(sizes, rewards, minimum=1)
    return reduce((2 * pad_groups(rewards, mask, 0.0).sum(1) / mask.sum(1)).square(), reduction)
