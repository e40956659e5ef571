"""Ragged groups: rewards of groups of different sizes, concatenated, as one padded matrix and back."""

import torch
from torch import Tensor

from rightly.losses.tensor_checks import check_vectors


def group_mask(sizes: Tensor, rows: Tensor, *, minimum: int) -> Tensor:
    """Mask of the occupied slots of the padded matrix.

    Args:
        sizes: Number of rows of each group, ``(G,)``, integers, on any device; their sum is N.
        rows: Rows to pad, ``(N,)``, which determine N and the device.
        minimum: Minimum size of a group.

    Returns:
        Booleans, ``(G, K)`` with K the largest size, on the device of ``rows``.

    Raises:
        ValueError: Sizes are not a vector of integers, are too small, or do not sum to N.
    """
    check_vectors(sizes=sizes)
    if sizes.dtype.is_floating_point or sizes.dtype.is_complex or sizes.dtype == torch.bool:
        raise ValueError(f"sizes are {sizes.dtype}; integers are needed")
    if not len(sizes):
        raise ValueError("there are no groups; leave empty batches out")
    counts = sizes.tolist()
    if min(counts) < minimum:
        raise ValueError(f"group {counts.index(min(counts))} has {min(counts)} responses; at least {minimum} needed")
    if sum(counts) != len(rows):
        raise ValueError(f"sizes sum to {sum(counts)} but there are {len(rows)} rewards")
    return torch.arange(max(counts), device=rows.device) < sizes.to(rows.device)[:, None]


def pad_groups(rows: Tensor, mask: Tensor, fill: float) -> Tensor:
    """The groups as rows of a matrix; differentiable.

    Args:
        rows: One number per response, ``(N,)``, group after group.
        mask: Result of ``group_mask``, ``(G, K)``, with N occupied slots.
        fill: Number for the free slots.

    Returns:
        A matrix ``(G, K)``.
    """
    return rows.new_full(mask.shape, fill).masked_scatter(mask, rows)
