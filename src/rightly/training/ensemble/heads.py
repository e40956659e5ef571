"""An ensemble of linear reward heads over frozen features: the cheapest kind, seconds instead of hours."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rightly.metrics.calibration import preference_probability
from rightly.preferences.strength import assign_folds

PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Candidate penalties of the weights' squared norm on standardised features; chosen by cross-validation in training."""

_INNER_FOLDS = 3


class HeadEnsemble:
    """Bradley-Terry regression on feature differences, with each member trained on a bootstrap sample of the groups.

    A linear head has one optimum, regardless of the order of the data, so members differ by the pairs that they see.

    Args:
        members: Number of heads.
        seed: Seed for the bootstrap samples.

    Attributes:
        penalty: Penalty chosen on the training pairs of the first fold and then reused.
    """

    def __init__(self, members: int, seed: int = 0) -> None:
        self._members, self._seed = members, seed
        self.penalty = float("nan")

    def margins(
        self,
        features: Sequence[NDArray[np.float32]],
        best: Sequence[int],
        groups: NDArray[np.int64],
        folds: NDArray[np.int64] | None,
    ) -> NDArray[np.float64]:
        """The labelled response's reward minus the best other one, by every member.

        Args:
            features: Features of each pair, ``(responses, H)``.
            best: Index of each pair's labelled response.
            groups: Number of each pair's group, ``(N,)``; whole groups are resampled.
            folds: Number of each pair's fold, ``(N,)``; a pair is scored by heads that saw no pair of its fold. ``None``
                trains on all pairs and scores them, as the papers do.

        Returns:
            The margins, ``(members, N)``.
        """
        differences, owner = _differences(features, best)
        to_others = np.split(differences, np.flatnonzero(np.diff(owner)) + 1)
        result = np.empty((self._members, len(features)))
        every = np.arange(len(features))
        for number, fold in enumerate([None] if folds is None else np.unique(folds).tolist()):
            scored = every if folds is None else np.flatnonzero(folds == fold)
            outside = np.isin(every, scored, invert=folds is not None)
            rows = outside[owner]
            weights = self._train(differences[rows], groups[owner[rows]], number)
            for pair in scored.tolist():
                # Feature differences, not reward differences: equal features give exactly 0.
                result[:, pair] = (to_others[pair] @ weights.T).min(axis=0)
        return result

    def _train(self, differences: NDArray[np.float64], groups: NDArray[np.int64], part: int) -> NDArray[np.float64]:
        """Weights for the raw features, ``(members, H)``."""
        scale = np.sqrt((differences**2).mean(axis=0)) + 1e-8
        x = differences / scale
        if np.isnan(self.penalty):
            self.penalty = choose_penalty(x, groups, self._seed)
        random = np.random.default_rng([self._seed, part])
        _, own = np.unique(groups, return_inverse=True)
        count = int(own.max()) + 1
        found = []
        start = np.zeros(x.shape[1])
        for _ in range(self._members):
            drawn = np.bincount(random.integers(0, count, count), minlength=count)[own].astype(float)
            found.append(fit_head(x, drawn, self.penalty, start))
            start = found[0]
        return np.stack(found) / scale


def fit_head(
    x: NDArray[np.float64],
    weights: NDArray[np.float64],
    penalty: float,
    start: NDArray[np.float64] | None = None,
    *,
    target: ArrayLike = 1.0,
    margin: ArrayLike = 0.0,
) -> NDArray[np.float64]:
    """Fit the head that minimises `rightly.losses.ranking_loss` plus ``penalty / 2 |w|^2``, with ``d = x w``.

    `rightly.metrics.bradley_terry` fits strengths of players without a penalty on features and inverts a Hessian; here ``H``
    features are penalised, as many as a model is wide, and a target and a margin belong to every row.

    Args:
        x: Features of the labelled response minus those of the other one, ``(N, H)``.
        weights: Weights of the pairs, ``(N,)``.
        penalty: Penalty of the squared norm, above 0.
        start: Initial weights of the head, ``(H,)``.
        target: Probability that the label is right, ``(N,)`` or one number.
        margin: Margin in the loss, ``(N,)`` or one number.

    Returns:
        The weights of the head, ``(H,)``.
    """
    from scipy.optimize import minimize

    t, m = np.asarray(target, dtype=np.float64), np.asarray(margin, dtype=np.float64)

    def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        d = x @ w
        value = weights @ (t * np.logaddexp(0, m - d) + (1 - t) * np.logaddexp(0, d + m)) + penalty / 2 * w @ w
        slope = (1 - t) * preference_probability(d + m) - t * preference_probability(m - d)
        return float(value), penalty * w + x.T @ (weights * slope)

    first = np.zeros(x.shape[1]) if start is None else start
    return minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x


def choose_penalty(x: NDArray[np.float64], groups: NDArray[np.int64], seed: int) -> float:
    """The penalty with the least held-out loss, by cross-validation over groups."""
    if len(np.unique(groups)) < _INNER_FOLDS:
        return PENALTIES[2]
    folds = assign_folds(groups.tolist(), _INNER_FOLDS, seed)
    losses = []
    for penalty in PENALTIES:
        held_out = 0.0
        for fold in range(_INNER_FOLDS):
            own = folds == fold
            w = fit_head(x[~own], np.ones((~own).sum()), penalty)
            held_out += np.logaddexp(0, -(x[own] @ w)).sum()
        losses.append(held_out)
    return PENALTIES[int(np.argmin(losses))]


def _differences(
    features: Sequence[NDArray[np.float32]], best: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Feature differences between the label and each other response, with the pair number of each row."""
    rows, owner = [], []
    for number, (found, place) in enumerate(zip(features, best, strict=True)):
        others = np.delete(found, place, axis=0)
        rows.append(found[place].astype(np.float64) - others)
        owner += [number] * len(others)
    return np.concatenate(rows), np.array(owner)
