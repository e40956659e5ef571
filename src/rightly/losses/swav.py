"""Contrast of clusters: one view's assignment to prototypes is predicted from the other view."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from rightly.losses.contrastive_features import cosines, unit_rows
from rightly.losses.tensor_checks import at_least_float32, check_matrices, check_positive


def sinkhorn(scores: Tensor, *, epsilon: float = 0.05, iterations: int = 3) -> Tensor:
    """Soft assignment of rows to prototypes that uses all prototypes equally (Sinkhorn and Knopp, 1967).

    Caron et al., "Unsupervised Learning of Visual Features by Contrasting Cluster Assignments", 2020, eq. 3 to 5:
    ``exp(scores / epsilon)`` has its columns and then its rows scaled to equal sums, in turn. Done with logarithms:
    a cosine of 1 over an epsilon of 0.005 would already overflow.

    Args:
        scores: Similarity of row n and prototype k, larger is nearer, ``(N, K)``.
        epsilon: Temperature of the assignment, above 0; the smaller, the harder the assignment.
        iterations: Number of iterations, at least 1; each ends with the rows.

    Returns:
        The assignment, ``(N, K)``, in at least float32. Rows sum to 1 exactly (up to rounding), columns to N / K in the limit.

    Raises:
        ValueError: Scores that are no matrix or empty, or an epsilon or iterations out of range.
    """
    check_matrices(scores=scores)
    check_positive(epsilon=epsilon, iterations=iterations)
    log_share = at_least_float32(scores) / epsilon
    for _ in range(iterations):
        log_share = log_share - log_share.logsumexp(0, keepdim=True)
        log_share = log_share - log_share.logsumexp(1, keepdim=True)
    return log_share.exp()


class SwAV(nn.Module):
    """Swapped prediction of cluster assignments (SwAV; Caron et al., 2020, eq. 1 and 2).

    With p = softmax of the cosines with the prototypes over the temperature, and q = ``sinkhorn`` of the same cosines
    without a gradient::

        CE(q_s, p_t) + CE(q_t, p_s)

    each the mean over rows; the sum is not halved, as in the reward-model paper (Wang et al., "Secrets of RLHF in Large
    Language Models Part II: Reward Modeling", 2024) whose coefficients belong to it: 0.1 with 50
    prototypes for response features, 0.5 with 20 for difference features. SwAV's own code halves it.

    **Size.** Equal use of the prototypes is a sound demand only of at least as many rows as prototypes: rows + queue >=
    prototypes. 16 pairs are 32 rows; for 50 prototypes give a queue of 32, fewer prototypes, or rows gathered from all
    processes (``gather_rows``).

    **Queue.** The last rows of each view, one queue a view, first in first out, used for the assignments only. It fills
    only in training mode, and is used as far as it is filled. It is part of the state dict, so that a resumed run continues
    exactly. Make it a multiple of the rows of a batch: of a batch that fits partly, the first rows are kept, which are the
    chosen ones.

    **Several processes.** Call it with gathered rows. Then the queues are the same everywhere; DDP copies the buffers
    of process 0 to all, which would mix up queues that differ.

    Prototypes are normalised on use rather than after each step, so that any optimiser can train them.

    Args:
        width: Number of features H of a row.
        prototypes: Number of clusters.
        temperature: Temperature of the prediction p, above 0.
        epsilon: Argument ``epsilon`` of ``sinkhorn``.
        iterations: Argument ``iterations`` of ``sinkhorn``.
        queue: Number of rows kept for each view; 0 for none.

    Raises:
        ValueError: A setting out of its range.
    """

    queue: Tensor
    queued: Tensor

    def __init__(
        self,
        width: int,
        prototypes: int = 50,
        temperature: float = 0.1,
        epsilon: float = 0.05,
        iterations: int = 3,
        queue: int = 0,
    ) -> None:
        super().__init__()
        check_positive(width=width, prototypes=prototypes, temperature=temperature)
        check_positive(epsilon=epsilon, iterations=iterations)
        if queue < 0:
            raise ValueError(f"queue is {queue}; 0 or more rows are needed")
        self.temperature, self.epsilon, self.iterations = temperature, epsilon, iterations
        self.prototypes = nn.Parameter(unit_rows(torch.randn(prototypes, width)))
        self.register_buffer("queue", torch.zeros(2, queue, width))
        self.register_buffer("queued", torch.zeros((), dtype=torch.long))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """The loss of two views.

        Args:
            first: Features of one view, ``(N, H)``; not normalised.
            second: Features of the other view, the same rows in the same order, ``(N, H)``.

        Returns:
            One number in at least float32.

        Raises:
            ValueError: Shapes other than these.
        """
        check_matrices(first=first, second=second)
        if first.shape[1] != self.prototypes.shape[1]:
            raise ValueError(f"rows have {first.shape[1]} features; the prototypes have {self.prototypes.shape[1]}")
        score_first, score_second = cosines(first, self.prototypes), cosines(second, self.prototypes)
        with torch.no_grad():
            assigned_first, assigned_second = self._assign(0, score_first), self._assign(1, score_second)
            if self.training and self.queue.shape[1]:
                self._enqueue(torch.stack([unit_rows(first), unit_rows(second)]))
        return cross_entropy(score_second / self.temperature, assigned_first) + cross_entropy(
            score_first / self.temperature, assigned_second
        )

    def _assign(self, view: int, scores: Tensor) -> Tensor:
        """The rows' assignments, with the rows of the queue counted in."""
        earlier = self.queue[view, : int(self.queued)]
        together = torch.cat([scores, cosines(earlier, self.prototypes).to(scores)])
        return sinkhorn(together, epsilon=self.epsilon, iterations=self.iterations)[: len(scores)]

    def _enqueue(self, views: Tensor) -> None:
        """Put the rows of both views (2, N, H) before the earlier ones; the oldest fall out at the end."""
        kept = self.queue.shape[1]
        self.queue.copy_(torch.cat([views.to(self.queue), self.queue], dim=1)[:, :kept])
        self.queued.add_(views.shape[1]).clamp_(max=kept)
