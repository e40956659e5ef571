"""The loss of pairs: one formula with plain, flipped, smoothed, soft and margin losses as special cases."""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from rightly.losses.tensor_checks import Reduction, at_least_float32, check_vectors, reduce


def ranking_loss(
    chosen: Tensor,
    rejected: Tensor,
    *,
    target: Tensor | None = None,
    margin: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Negative log-likelihood of preferences under Bradley-Terry, with a target, a margin and a weight for each pair.

    With ``d = chosen - rejected``, target t, margin m and weight w, the loss of a pair is::

        -w [ t log sigma(d - m) + (1 - t) log sigma(-d - m) ]

    Special cases (a = noise level, mu = mean over an ensemble of reward models of d, the preference strength):

    ================  =================================  ==============================================================
    plain             t = 1, m = 0                       Bradley and Terry 1952; Ouyang et al. 2022 (InstructGPT), eq. 1
    flip              t = 0                              labels treated as wrong: chosen and rejected are exchanged
    label smoothing   t = 1 - a                          the same a for every pair
    soft label        t = P(label is right), e.g.        t = 1/2 draws the two rewards together
                      sigma(mu / T)
    adaptive margin   m = scale * mu                     strong pairs must be further apart; m < 0 requires less
    weight            w                                  0 excludes the pair from the sum, but not from B
    ================  =================================  ==============================================================

    Flip, smoothing and adaptive margin: Wang et al., "Secrets of RLHF in Large Language Models Part II: Reward
    Modeling", 2024. Its margin loss is printed with mu outside of log sigma, where it has no gradient;
    here the margin is inside, as in Llama 2 (Touvron et al., 2023, eq. 2). The margin counts for both sides: a
    flipped pair must be apart by m the other way round.

    Args:
        chosen: Rewards of the preferred responses, ``(B,)``.
        rejected: Rewards of the others, ``(B,)``.
        target: Probability that the label is right, in [0, 1], ``(B,)``; 1 by default.
        margin: Margin in units of reward, finite, ``(B,)``; 0 by default.
        weight: Weight of the pair, at least 0 and finite, ``(B,)``; 1 by default.
        reduction: ``"mean"`` divides the sum by B, *not* by the sum of the weights, so that the gradient of a pair
            does not depend on the weights of other pairs in the batch; ``"sum"``; ``"none"``: ``(B,)``.

    Returns:
        The loss in float32 (float64 for float64), for rewards of any precision.

    Raises:
        ValueError: Shapes other than ``(B,)``, or a target, margin or weight out of its range. This reads the
            values, so on an accelerator it waits for them once; rewards are not read.
    """
    check_vectors(chosen=chosen, rejected=rejected, target=target, margin=margin, weight=weight)
    _check_ranges(target, margin, weight)
    difference = at_least_float32(chosen) - at_least_float32(rejected)
    shift = 0.0 if margin is None else margin.to(difference)
    losses = -logsigmoid(difference - shift)
    if target is not None:
        share = target.to(difference)
        losses = share * losses - (1 - share) * logsigmoid(-difference - shift)
    if weight is not None:
        losses = weight.to(difference) * losses
    return reduce(losses, reduction)


def _check_ranges(target: Tensor | None, margin: Tensor | None, weight: Tensor | None) -> None:
    """Refuse values out of range; NaN is out of every range."""
    allowed = {}
    if target is not None:
        allowed["target must lie in [0, 1]"] = ((target >= 0) & (target <= 1)).all()
    if margin is not None:
        allowed["margin must be finite"] = margin.isfinite().all()
    if weight is not None:
        allowed["weight must be finite and at least 0"] = ((weight >= 0) & weight.isfinite()).all()
    if not allowed:
        return
    for rule, kept in zip(allowed, torch.stack(list(allowed.values())).tolist(), strict=True):
        if not kept:
            raise ValueError(f"{rule}; a value of this batch does not")
