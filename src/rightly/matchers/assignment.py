"""One-to-one matching: choose the best assignment from the links between two lists.

The assignment maximises the sum of scores under one-to-one ("Outcome Accuracy is Not Enough", 2026, the definition of
``S_total``). The paper's official scripts leave one-to-one to the prompt, so one vague reason can match every human reason;
here it is enforced.
"""

from collections.abc import Sequence

import numpy as np

from rightly.matchers.base import Link


def assign(links: Sequence[Link]) -> list[Link]:
    """The links of the best one-to-one assignment (Hungarian), by candidate rank.

    Ties in the sum are broken in favour of earlier candidates, then earlier references, so the result does not depend on the
    order of ``links``. Links with a score of 0 or less are ignored; a repeated link counts with its best score.

    >>> [(l.reference, l.candidate) for l in assign([Link(reference=r, candidate=0, score=1.0) for r in range(4)])]
    [(0, 0)]
    """
    from scipy.optimize import linear_sum_assignment  # a third of a second, which no --help should wait for

    best: dict[tuple[int, int], float] = {}
    for link in links:
        if link.score > 0:
            spot = (link.reference, link.candidate)
            best[spot] = max(link.score, best.get(spot, 0.0))
    if not best:
        return []
    rows = sorted({r for r, _ in best})
    columns = sorted({c for _, c in best})
    scores = np.zeros((len(rows), len(columns)))
    for (reference, candidate), score in best.items():
        scores[rows.index(reference), columns.index(candidate)] = score
    # Far below any difference between graded scores (two decimals), far above rounding.
    preference = np.add.outer(np.arange(len(rows)), np.arange(len(columns)) * len(rows)) * 1e-9
    picked = linear_sum_assignment(scores - preference * (scores > 0), maximize=True)
    pairs = [(rows[i], columns[j]) for i, j in zip(*picked, strict=True) if scores[i, j] > 0]
    return [Link(reference=r, candidate=c, score=best[r, c]) for r, c in sorted(pairs, key=lambda spot: spot[1])]
