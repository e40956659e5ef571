"""Contrast of instances: the same input under two dropout masks against all other inputs of the batch."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from rightly.losses.contrastive_features import cosines
from rightly.losses.tensor_checks import check_matrices, check_positive


def simcse_loss(
    first: Tensor,
    second: Tensor,
    *,
    temperature: float = 0.05,
    exclude_mirror: bool = False,
) -> Tensor:
    """Cross-entropy of finding a row's other view among all rows, by cosine; the mean over rows.

    With views h and h' of N rows and temperature tau::

        -log( exp(cos(h_i, h'_i) / tau) / sum_j exp(cos(h_i, h'_j) / tau) )

    Gao, Yao and Chen, "SimCSE: Simple Contrastive Learning of Sentence Embeddings", 2021, eq. 4 (whence also 0.05); for
    reward models Wang et al., "Secrets of RLHF in Large Language Models Part II: Reward Modeling", 2024, with
    coefficient 1. Each row needs something to tell it from: of a single row the loss is 0.

    Negatives of other processes: pass ``gather_rows`` of both views. For difference features, gather the features of
    chosen and rejected and then compute the differences; gathered differences would no longer have the mirror of row i
    at i + N/2.

    Args:
        first: Features of one view, ``(N, H)``; not normalised.
        second: Features of the other view, the same rows in the same order, ``(N, H)``.
        temperature: Temperature of the cosine similarities, above 0.
        exclude_mirror: Whether to exclude row i + N/2 from the negatives of row i and vice versa. Meant for
            ``difference_features``, where it is row i negated: maximally distant without having learnt anything but the
            sign.

    Returns:
        One number in float32 (float64 for float64).

    Raises:
        ValueError: Shapes other than these, no row, a temperature not above 0, or an odd N with ``exclude_mirror``.
    """
    check_matrices(first=first, second=second)
    check_positive(temperature=temperature)
    logits = cosines(first, second) / temperature
    own = torch.arange(len(first), device=logits.device)
    if exclude_mirror:
        if len(first) % 2:
            raise ValueError(f"{len(first)} rows have no mirrors; difference_features gives an even number")
        mirror = (own + len(first) // 2) % len(first)
        logits = logits.scatter(1, mirror[:, None], -torch.inf)
    return cross_entropy(logits, own)
