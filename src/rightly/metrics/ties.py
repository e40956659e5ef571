"""When two rewards are equal. One tolerance for every accuracy: win, loss and tie are never decided by rounding.

In float32 the reward of one and the same text differs by about 1e-6 from batch to batch (25M parameters, rewards of a
standard deviation of 0.26). Equal token sequences are computed once and have exactly equal rewards; the tolerance covers what
remains, a model that gives different texts one reward, or one text that was scored in two batches.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

TIE = 1e-5
"""A difference of rewards of at most this size is a tie."""


def decided(differences: ArrayLike) -> NDArray[np.float64]:
    """Differences of rewards with every tie set to exactly 0.

    Args:
        differences: Differences of rewards, of any shape; NaN stays NaN.

    Returns:
        The same shape.
    """
    values = np.asarray(differences, dtype=np.float64)
    return np.where(np.abs(values) <= TIE, 0.0, values)
