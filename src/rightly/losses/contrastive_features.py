"""The features that a contrastive loss compares, and their cosines, protected from rounding by autocast."""

import torch
from torch import Tensor
from torch.linalg import vector_norm

from rightly.losses.tensor_checks import at_least_float32, check_matrices

_ZERO_NORM = 1e-12


def response_features(chosen: Tensor, rejected: Tensor) -> Tensor:
    """The single responses' features, ``[f_c ; f_r]``.

    Wang et al., "Secrets of RLHF in Large Language Models Part II: Reward Modeling", 2024: each response is one row, and
    the rejected one is among the negatives of the chosen.

    Args:
        chosen: Pooled features of the preferred responses, ``(B, H)``.
        rejected: Pooled features of the other responses, ``(B, H)``.

    Returns:
        The features, ``(2B, H)``, in at least float32; row i is the chosen response, row i + B its rejected one.

    Raises:
        ValueError: Shapes other than these.
    """
    check_matrices(chosen=chosen, rejected=rejected)
    return torch.cat([at_least_float32(chosen), at_least_float32(rejected)])


def difference_features(chosen: Tensor, rejected: Tensor) -> Tensor:
    """The differences of a pair's features, both ways, ``[f_c - f_r ; f_r - f_c]``.

    Wang et al., 2024 (the difference form): what a ranking loss sees of a pair. Row i + B is exactly the
    negative of row i; ``simcse_loss`` can leave it out of the negatives (``exclude_mirror``).

    Args:
        chosen: Pooled features of the preferred responses, ``(B, H)``.
        rejected: Pooled features of the other responses, ``(B, H)``.

    Returns:
        The differences, ``(2B, H)``, in at least float32: half precision would lose small differences.

    Raises:
        ValueError: Shapes other than these.
    """
    check_matrices(chosen=chosen, rejected=rejected)
    difference = at_least_float32(chosen) - at_least_float32(rejected)
    return torch.cat([difference, -difference])


def unit_rows(features: Tensor) -> Tensor:
    """Every row divided by its length; a row of zeros stays zero and gets no gradient.

    Two equal responses have a difference of zero; ``torch.nn.functional.normalize`` would multiply its gradient by 1e12.

    Args:
        features: Features of the rows, ``(N, H)``.

    Returns:
        The normalised rows, ``(N, H)``, in at least float32.
    """
    features = at_least_float32(features)
    length = vector_norm(features, dim=1, keepdim=True)
    return torch.where(length > _ZERO_NORM, features / length.clamp_min(_ZERO_NORM), 0.0)


def cosines(first: Tensor, second: Tensor) -> Tensor:
    """Cosine of every row with every row; 0 if one of them is zero.

    Autocast is off inside: it would round the cosines to bfloat16, steps of 0.004, which a temperature of 0.05 makes
    steps of 0.08 in the logits.

    Args:
        first: Rows to compare, ``(N, H)``.
        second: Rows to compare with, ``(M, H)``.

    Returns:
        The cosines, ``(N, M)``, in at least float32.
    """
    with torch.autocast(device_type=first.device.type, enabled=False):
        return unit_rows(first) @ unit_rows(second).T
