"""MetaRM: a ranking loss taken where the model tells samples of the present policy apart better."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rightly.losses.groups import group_mask, pad_groups
from rightly.losses.tensor_checks import at_least_float32, check_vectors


def difference_objective(rewards: Tensor, sizes: Tensor) -> Tensor:
    """How far a reward model tells apart the samples of a policy: J, to be made large.

    Wang et al., "Secrets of RLHF in Large Language Models Part II: Reward Modeling", 2024 (MetaRM); for the k samples
    of a prompt::

        J = (2 / k^2) sum_{i<j} sigma(|r_i - r_j|)

    averaged over prompts. It lies between (k-1)/2k (all equal) and (k-1)/k. J rewards any difference, right or wrong.

    Args:
        rewards: Of the samples, one prompt after the other, ``(N,)``.
        sizes: Samples k of each prompt, ``(G,)``, integers of at least 2 that sum to N.

    Returns:
        One number in float32 (float64 for float64). Equal rewards have no gradient (the modulus has none at 0).

    Raises:
        ValueError: Shapes other than these, or sizes that do not sum to N.
    """
    check_vectors(rewards=rewards)
    rewards = at_least_float32(rewards)
    mask = group_mask(sizes, rewards, minimum=2)
    reward = pad_groups(rewards, mask, 0.0)
    pairs = (mask[:, :, None] & mask[:, None, :]).triu(1)
    told_apart = torch.sigmoid((reward[:, :, None] - reward[:, None, :]).abs())
    return (2 * (told_apart * pairs).sum((1, 2)) / mask.sum(1).square()).mean()


@dataclass(frozen=True)
class MetaStep:
    """What a meta step saw.

    Attributes:
        objective: J at the parameters.
        loss: The loss at the parameters moved along the gradient of J.
    """

    objective: Tensor
    loss: Tensor


def first_order_meta_gradient(
    parameters: Iterable[nn.Parameter],
    ascent: Callable[[], Tensor],
    loss: Callable[[], Tensor],
    *,
    step_size: float,
) -> MetaStep:
    """Add the gradient of a loss, taken one ascent step away, to ``.grad`` of the parameters where they are.

    MetaRM (Wang et al., 2024), first order: no derivative of the step itself::

        theta' = theta + step_size * grad J(theta)
        theta.grad += grad L(theta')

    Clipping and the optimiser's step are the caller's, as after ``loss().backward()``. Both gradients come from
    ``backward``, so the averaging of DDP and FSDP and gradient checkpointing work as ever if the functions call the
    wrapped model; every process then has the same theta'. Needs memory for one more copy of the parameters.
    Half-precision parameters round a small step away: keep them in float32.

    Args:
        parameters: What the step moves; those that require no gradient are left alone. All that the ascent reaches
            must be among them, or the ascent's gradient is left in their ``.grad``.
        ascent: Computes J, a single number, with a graph.
        loss: Computes L, a single number, with a graph.
        step_size: Of the ascent, at least 0 (0: the plain gradient of the loss). The paper names none; keep it small.

    Returns:
        The values of J and L, without graphs.

    Raises:
        ValueError: A negative step size, or an ascent that reaches none of the parameters.
    """
    if not step_size >= 0:
        raise ValueError(f"step_size is {step_size}; 0 or more is needed")
    moved = [parameter for parameter in dict.fromkeys(parameters) if parameter.requires_grad]
    objective, directions = _gradient(moved, ascent)
    origin = [parameter.detach().clone() for parameter in moved]
    try:
        with torch.no_grad():
            for parameter, direction in zip(moved, directions, strict=True):
                if direction is not None:
                    parameter.add_(direction, alpha=step_size)
        value = loss()
        value.backward()
    finally:
        with torch.no_grad():  # copied back, because adding and taking away again would leave rounding errors
            for parameter, place in zip(moved, origin, strict=True):
                parameter.copy_(place)
    return MetaStep(objective, value.detach())


def _gradient(parameters: list[nn.Parameter], function: Callable[[], Tensor]) -> tuple[Tensor, list[Tensor | None]]:
    """Value and gradients of the function; ``.grad`` is as before afterwards.

    Not by ``torch.autograd.grad``: DDP and FSDP average in the hooks of ``backward`` only.
    """
    # Cloned, because DDP may keep .grad as views of buckets that the backward pass overwrites.
    before = [None if parameter.grad is None else parameter.grad.clone() for parameter in parameters]
    for parameter in parameters:
        parameter.grad = None
    try:
        value = function()
        value.backward()
        gradients = [parameter.grad for parameter in parameters]
    finally:
        for parameter, gradient in zip(parameters, before, strict=True):
            parameter.grad = gradient
    if all(gradient is None for gradient in gradients):
        raise ValueError("the ascent reaches none of the parameters; compute it with the model whose they are")
    return value.detach(), gradients
