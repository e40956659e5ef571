"""Exact evaluation: every pair scored once over all processes, metrics from all margins together."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from rightly.errors import PairError
from rightly.metrics.preference import PreferenceMetrics, evaluate_margins
from rightly.reward_models.fast.batches import plan_batches, to_device
from rightly.reward_models.margins import best_other
from rightly.training.reward_model.data import TrainingPair


@dataclass(frozen=True)
class Evaluator:
    """Scores pairs with a model as a trainer runs it: wrapped, sharded, under its precision.

    Attributes:
        forward: The rewards ``(rows,)`` of a batch that is on the device already; without gradients, dropout off.
        device: Where batches go.
        rank: Number of this process.
        world: How many processes there are.
        packed: Whether responses to one prompt share its computation.
        pad_id: Token id that fills padded batches.
        tokens: Most tokens in a batch.
    """

    forward: Callable[[Mapping[str, Tensor]], Tensor]
    device: torch.device
    rank: int
    world: int
    packed: bool
    pad_id: int
    tokens: int

    def rewards(self, pairs: Sequence[TrainingPair]) -> list[list[float]]:
        """The rewards of every pair's responses, the preferred one first, on every process.

        Pairs are dealt out over the processes; each runs as many passes as the busiest one, because a sharded model needs
        all of them for every pass.
        """
        own = range(self.rank, len(pairs), self.world)
        groups = [pairs[number].group for number in own]
        batches = list(plan_batches(groups, self.tokens, packed=self.packed, pad_id=self.pad_id))
        rewards = [[0.0] * len(group.branches) for group in groups]
        for number in range(_most(len(batches), self.device)):
            spare = number >= len(batches)
            answered, batch = self._spare(pairs, batches) if spare else batches[number]
            found = self.forward(to_device(batch, self.device)).float().tolist()
            if spare:
                continue
            for slots, reward in zip(answered, found, strict=True):
                for group, branch in slots:
                    rewards[group][branch] = reward
        everywhere = _gather(dict(zip(own, rewards, strict=True)))
        return [everywhere[number] for number in range(len(pairs))]

    def _spare(self, pairs: Sequence[TrainingPair], batches: list) -> tuple:
        """A batch to compute for the others' sake."""
        return (
            batches[-1] if batches else next(plan_batches([pairs[0].group], 1, packed=self.packed, pad_id=self.pad_id))
        )


def preference_metrics(
    pairs: Sequence[TrainingPair], rewards: Sequence[Sequence[float]], model: str
) -> PreferenceMetrics:
    """All metrics of a set; margins and lengths are of the preferred response and the best other one.

    Args:
        pairs: The pairs.
        rewards: The rewards of each pair's responses, the preferred one first.
        model: What errors call the model.

    Raises:
        PairError: A reward is not finite.
    """
    strengths = [pair.strength for pair in pairs]
    for pair, own in zip(pairs, rewards, strict=True):
        _require_finite(model, pair, own)
    others = [best_other(own, 0) for own in rewards]
    return evaluate_margins(
        [own[0] - own[other] for own, other in zip(rewards, others, strict=True)],
        targets=np.array([pair.target for pair in pairs]) if any(0 < pair.target < 1 for pair in pairs) else None,
        lengths=np.array([(pair.lengths[0], pair.lengths[other]) for pair, other in zip(pairs, others, strict=True)]),
        strengths=None if None in strengths else np.array(strengths, dtype=float),
        clusters=[pair.cluster for pair in pairs],
    )


def _require_finite(model: str, pair: TrainingPair, rewards: Sequence[float]) -> None:
    strange = [reward for reward in rewards if not math.isfinite(reward)]
    if strange:
        raise PairError(
            pair.id,
            pair.key,
            f"after training from {model} it has the reward {strange[0]}",
            fix=f"lower trainer.learning_rate, and see `rightly doctor {model}` for what it started from",
        )


def _most(count: int, device: torch.device) -> int:
    if not (dist.is_available() and dist.is_initialized()):
        return count
    most = torch.tensor(count, device=device)
    dist.all_reduce(most, op=dist.ReduceOp.MAX)
    return int(most)


def _gather(own: dict[int, list[float]]) -> dict[int, list[float]]:
    if not (dist.is_available() and dist.is_initialized()):
        return own
    parts: list = [None] * dist.get_world_size()
    dist.all_gather_object(parts, own)
    return {number: rewards for part in parts for number, rewards in part.items()}
