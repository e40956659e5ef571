"""Losses for more than two responses to one prompt, in groups of different sizes."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from rightly.losses.groups import group_mask, pad_groups
from rightly.losses.tensor_checks import Reduction, at_least_float32, check_vectors, reduce


def plackett_luce_loss(rewards: Tensor, ranks: Tensor, sizes: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    """Negative log-likelihood of a ranking (Luce, 1959; Plackett, "The Analysis of Permutations", 1975), with ties.

    The best is drawn from all by a softmax of rewards, the second from the rest, and so on. Without ties the loss of a
    group is the sum over its responses i of ``log sum_{j: rank_j >= rank_i} exp(r_j) - r_i``; for two responses it is
    ``ranking_loss``. It is a sum over the ranks, so that it grows with the size of the group.

    Ties are handled as Efron does ("The Efficiency of Cox's Likelihood Function for Censored Data", 1977): of m tied
    responses with weights ``T = sum exp(r)`` above responses with weights W, the l-th (l = 0..m-1) has the denominator
    ``W + (1 - l/m) T``: what is left of T on average after l draws from it. Breslow (1974) leaves the whole of T in all m
    denominators; that is less near to the average over the orders that a tie leaves open, and gives equal rewards a
    loss that depends on how many are tied (Efron: log k! for every ranking of k, tied or not).

    A tie says "equally good": it draws its rewards together. Two responses tied have exactly twice the gradient of
    ``ranking_loss`` with target 1/2.

    Args:
        rewards: Rewards of consecutive groups, ``(N,)``.
        ranks: Ranks of the responses, ``(N,)``: smaller is better, equal is tied; only compared within a group.
        sizes: Number of responses of each group, ``(G,)``, integers of at least 2 that sum to N.
        reduction: ``"mean"`` over groups, ``"sum"``, or ``"none"``: ``(G,)``.

    Returns:
        The loss in float32 (float64 for float64). Memory grows with G K^2, K the largest size.

    Raises:
        ValueError: Shapes other than these, sizes that do not sum to N, or a rank that is NaN.
    """
    check_vectors(rewards=rewards, ranks=ranks)
    rewards = at_least_float32(rewards)
    mask = group_mask(sizes, rewards, minimum=2)
    if ranks.isnan().any():
        raise ValueError("a rank is NaN; leave the response out, or rank it")
    reward, rank = pad_groups(rewards, mask, 0.0), pad_groups(ranks.to(rewards.device), mask, 0)
    tied = mask[:, None, :] & (rank[:, None, :] == rank[:, :, None])
    worse = mask[:, None, :] & (rank[:, None, :] > rank[:, :, None])
    # Free slots may tie with no response; their terms are dropped below but must not be NaN, for the gradient's sake.
    number, drawn = tied.sum(-1).clamp_min(1), tied.tril(-1).sum(-1)
    remaining = torch.log1p(-drawn.to(reward) / number)
    denominator = torch.logaddexp(_log_sum(reward, worse), _log_sum(reward, tied) + remaining)
    return reduce(torch.where(mask, denominator - reward, 0.0).sum(-1), reduction)


def best_of_k_loss(rewards: Tensor, best: Tensor, sizes: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    """Cross-entropy of the best response against its whole group; the order of the others is ignored.

    ``log sum_j exp(r_j) - r_best`` (Ziegler et al., "Fine-Tuning Language Models from Human Preferences", 2019,
    eq. 1); for two responses it is ``ranking_loss``.

    Args:
        rewards: Rewards of consecutive groups, ``(N,)``.
        best: Index of the best response in its group, from 0, ``(G,)``, integers.
        sizes: Number of responses of each group, ``(G,)``, integers of at least 2 that sum to N.
        reduction: ``"mean"`` over groups, ``"sum"``, or ``"none"``: ``(G,)``.

    Returns:
        The loss in float32 (float64 for float64).

    Raises:
        ValueError: Shapes other than these, sizes that do not sum to N, or an index outside its group.
    """
    check_vectors(rewards=rewards)
    check_vectors(sizes=sizes, best=best)
    rewards = at_least_float32(rewards)
    mask = group_mask(sizes, rewards, minimum=2)
    place = best.to(rewards.device, torch.long)
    if ((place < 0) | (place >= mask.sum(1))).any():
        raise ValueError("the place of a best response lies outside of its group; places count from 0 in each group")
    return reduce(cross_entropy(pad_groups(rewards, mask, -torch.inf), place, reduction="none"), reduction)


def _log_sum(reward: Tensor, among: Tensor) -> Tensor:
    """Log of the sum of ``exp(reward)`` over the last axis of ``among`` (G, K, K); the least number for none.

    Not -inf: the gradient of the logsumexp of nothing would be NaN.
    """
    lowest = torch.finfo(reward.dtype).min
    return reward[:, None, :].masked_fill(~among, lowest).logsumexp(-1)
