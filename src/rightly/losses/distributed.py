"""Rows of all processes with their gradients, for losses that compare each row with all others."""

import math
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable


def gather_rows(tensor: Tensor) -> Tensor:
    """The rows of every process of ``torch.distributed``, in the order of ranks; gradients flow back to the own rows.

    **Scale.** The gradient of the own rows is that of the *sum* of all processes' losses: what every process derives for
    these rows is added up. DDP and FSDP then *average* the gradients of the parameters over processes. So, without any
    factor of the caller's, the parameters get the gradient of the mean of the processes' losses:

    - Every process computes the same loss on all gathered rows: exactly the gradient of that loss, as one process
      would have it with the whole batch.
    - Every process computes the mean over its own rows only, against gathered candidates: the gradient of the mean over
      all rows, if all processes have equally many.

    A gathering whose backward only cuts out the own rows (without adding up) would give 1/W of that with W processes.

    Every process must call it, and must run backward through it if one does: both communicate.

    Args:
        tensor: Rows of this process, ``(N, ...)``; N may differ between processes and be 0, the other dimensions must agree.

    Returns:
        All rows, ``(sum of N, ...)``; the tensor itself if ``torch.distributed`` is not initialised or has one process.

    Raises:
        ValueError: A tensor without rows, or rows of different shapes between the processes (on every process).
    """
    if tensor.ndim == 0:
        raise ValueError("a single number has no rows; a tensor of shape (N, ...) is needed")
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return tensor
    return _GatherRows.apply(tensor, _row_counts(tensor))  # pyright: ignore[reportReturnType]


def _row_counts(tensor: Tensor) -> list[int]:
    """Rows of each process; refuses rows that do not fit together before they hang or mix."""
    own = torch.tensor([len(tensor), math.prod(tensor.shape[1:])], device=tensor.device)
    everyones = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(everyones, own)
    counts, widths = zip(*torch.stack(everyones).tolist(), strict=True)
    if len(set(widths)) > 1:
        raise ValueError(f"rows have {list(widths)} numbers on the processes; equally many are needed")
    return list(counts)


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor, counts: list[int]) -> Tensor:
        rank = dist.get_rank()
        ctx.own = slice(sum(counts[:rank]), sum(counts[: rank + 1]))
        # Collectives need equal shapes, so shorter tensors are padded for the transfer.
        parcel = tensor.new_zeros(max(counts), *tensor.shape[1:])
        parcel[: len(tensor)] = tensor
        parcels = [torch.empty_like(parcel) for _ in counts]
        dist.all_gather(parcels, parcel)
        return torch.cat([part[:count] for part, count in zip(parcels, counts, strict=True)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total[ctx.own], None
