"""Preference strength: mean and standard deviation, over an ensemble, of the labelled response's reward minus the other's.

Wang et al., "Secrets of RLHF in Large Language Models Part II: Reward Modeling" (2024), equations 3 and 4: ``mu_i`` is
the mean over M reward models and ``sigma_i`` the population standard deviation.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rightly.errors import InputError
from rightly.metrics.ranks import rank_correlation


@dataclass(frozen=True)
class Strength:
    """Strength of ``N`` pairs by up to ``M`` models.

    Attributes:
        margins: Label's reward minus the best other one, on one scale, ``(M, N)``; NaN if a model did not score the pair.
        mean: Mean over the models that scored the pair, ``(N,)``.
        std: Population standard deviation over these models, ``(N,)``; 0 for a single model.
        count: Number of models that scored the pair, at least 1, ``(N,)``.
    """

    margins: NDArray[np.float64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    count: NDArray[np.int64]


def preference_strength(margins: ArrayLike, *, normalise: bool = True) -> Strength:
    """Mean and standard deviation over models.

    Args:
        margins: Margins, ``(M, N)`` or ``(N,)``; NaN if a model did not score a pair.
        normalise: Divide every model's margins by their typical size, the median of their absolute values, so that no
            model outvotes the others by the scale of its rewards; signs stay. ``False`` as in the paper, whose models
            share their scale.

    Raises:
        InputError: A pair has no score, a score is infinite, or a model gives every pair the same.
    """
    values = np.atleast_2d(np.asarray(margins, dtype=np.float64))
    known = ~np.isnan(values)
    if np.isinf(values).any():
        model, pair = np.argwhere(np.isinf(values))[0]
        raise InputError(f"model {model} gives pair {pair} an infinite score", fix="score it again in float32")
    if not known.any(axis=0).all():
        raise InputError(f"pair {int(np.argmin(known.any(axis=0)))} has no score", fix="score all pairs")
    if normalise:
        scales = np.nanmedian(np.abs(values), axis=1)
        if (scales == 0).any():
            model = int(np.argmax(scales == 0))
            raise InputError(f"model {model} gives half of the pairs a difference of 0", fix="leave this model out")
        values = values / scales[:, None]
    return Strength(values, np.nanmean(values, axis=0), np.nanstd(values, axis=0), known.sum(axis=0))


def assign_folds(groups: Sequence[Hashable], folds: int, seed: int = 0) -> NDArray[np.int64]:
    """A fold for every pair; pairs of a group (a prompt, a debate) are never parted, and folds are of like size.

    Groups are dealt in random order, largest first, each to the smallest fold.

    Args:
        groups: Key of each pair's group, ``(N,)``.
        folds: Number of folds, at least 2.
        seed: Seed for the order.

    Returns:
        ``(N,)`` in ``[0, folds)``.

    Raises:
        InputError: There are fewer groups than folds.
    """
    keys = list(dict.fromkeys(groups))
    if len(keys) < folds:
        raise InputError(f"{len(keys)} groups cannot be dealt to {folds} folds", fix="choose fewer folds")
    place = {key: number for number, key in enumerate(keys)}
    own = np.array([place[key] for key in groups])
    sizes = np.bincount(own, minlength=len(keys))
    order = np.random.default_rng(seed).permutation(len(keys))
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled = np.zeros(folds)
    fold_of = np.empty(len(keys), dtype=np.int64)
    for group in order:
        fold_of[group] = np.argmin(filled)
        filled[fold_of[group]] += sizes[group]
    return fold_of[own]


def agreement_with_whole(margins: ArrayLike) -> NDArray[np.float64]:
    """How well smaller ensembles stand for the whole: Spearman's correlation of the mean of the first m models with all.

    Args:
        margins: Margins without NaN, on one scale, ``(M, N)``.

    Returns:
        ``(M,)``; its last entry is 1.
    """
    values = np.asarray(margins, dtype=np.float64)
    running = np.cumsum(values, axis=0)
    return np.array([rank_correlation(running[m], running[-1]) for m in range(len(values))])
