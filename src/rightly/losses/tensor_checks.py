"""Common rules of all losses: shapes are checked and never broadcast, at least float32, three reductions."""

from typing import Literal

import torch
from torch import Tensor

Reduction = Literal["mean", "sum", "none"]


def at_least_float32(tensor: Tensor) -> Tensor:
    """The tensor in float32, or unchanged if it is float64; differentiable."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def check_vectors(**tensors: Tensor | None) -> None:
    """Refuse all but tensors of one and the same shape ``(B,)``.

    A ``(B, 1)`` beside a ``(B,)`` would broadcast to ``(B, B)``: every pair against every other, without an error.

    Args:
        tensors: Tensors by their names in the error message; ``None`` is skipped.

    Raises:
        ValueError: A tensor is not a vector, or its length is not that of the first.
    """
    given = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    first, expected = next((name, _shape(tensor)) for name, tensor in given.items())
    if len(expected) != 1:
        raise ValueError(f"{first} has shape {expected}; one number for each row is needed, shape (B,)")
    for name, tensor in given.items():
        if _shape(tensor) != expected:
            raise ValueError(f"{name} has shape {_shape(tensor)}; the shape of {first} is needed, {expected}")


def check_matrices(**tensors: Tensor) -> None:
    """Refuse all but matrices of one and the same shape ``(N, H)`` with at least one row.

    Args:
        tensors: Matrices by their names in the error message.

    Raises:
        ValueError: A tensor is not a matrix, is empty, or its shape is not that of the first.
    """
    first, expected = next((name, _shape(tensor)) for name, tensor in tensors.items())
    if len(expected) != 2 or 0 in expected:
        raise ValueError(f"{first} has shape {expected}; rows of features are needed, shape (N, H), none of them 0")
    for name, tensor in tensors.items():
        if _shape(tensor) != expected:
            raise ValueError(f"{name} has shape {_shape(tensor)}; the shape of {first} is needed, {expected}")


def check_positive(**numbers: float) -> None:
    """Refuse numbers that are not above 0, and NaN."""
    for name, number in numbers.items():
        if not number > 0:
            raise ValueError(f"{name} is {number}; a number above 0 is needed")


def reduce(losses: Tensor, reduction: Reduction) -> Tensor:
    """The losses of all rows as one number.

    Args:
        losses: One loss per row, ``(B,)``.
        reduction: ``"mean"`` divides the sum by B; ``"sum"``; ``"none"`` returns the losses.

    Raises:
        ValueError: No such reduction, or the mean of no rows (it would be NaN).
    """
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    if reduction != "mean":
        raise ValueError(f'reduction is {reduction!r}; "mean", "sum" or "none" is needed')
    if not len(losses):
        raise ValueError("the mean of no rows is not a number; leave empty batches out")
    return losses.mean()


def _shape(tensor: Tensor) -> tuple[int, ...]:
    if not isinstance(tensor, Tensor):
        raise ValueError(f"{tensor!r} is not a tensor; tensors are needed, one value a row")
    return tuple(tensor.shape)
