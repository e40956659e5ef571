"""Exact evaluation: every pair scored once over all processes, metrics from all margins together."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.distributed as dist

from rightly.errors import PairError
from rightly.metrics.preference import PreferenceMetrics, evaluate_margins
from rightly.reward_models.fast.batches import plan_batches, to_device
from rightly.reward_models.margins import best_other
from rightly.training.reward_model.data import TrainingPair

if TYPE_CHECKING:
    from rightly.training.reward_model.trainer import RewardTrainer


@torch.no_grad()
def rewards_of(trainer: "RewardTrainer", pairs: Sequence[TrainingPair]) -> list[list[float]]:
    """The rewards of every pair's responses, the preferred one first, on every process.

    Pairs are dealt out over the processes; each runs as many passes as the busiest one, because a sharded model needs
    all of them for every pass.
    """
    rank, world = trainer.args.process_index, trainer.args.world_size
    own = range(rank, len(pairs), world)
    sharded = trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled
    model: Any = trainer.model_wrapped if sharded else trainer.model
    reward_model = trainer.reward_model
    groups = [pairs[number].group for number in own]
    batches = list(
        plan_batches(groups, trainer.eval_tokens, packed=reward_model.unpacked is None, pad_id=reward_model.pad_id)
    )
    rewards = [[0.0] * len(group.branches) for group in groups]
    training = model.training
    model.eval()
    try:
        for number in range(_most(len(batches), trainer.args.device)):
            answered, batch = batches[number] if number < len(batches) else _spare(trainer, pairs, batches)
            with trainer.compute_loss_context_manager():
                found = model(**to_device(batch, trainer.args.device)).logits[:, 0].float().tolist()
            if number < len(batches):
                for slots, reward in zip(answered, found, strict=True):
                    for group, branch in slots:
                        rewards[group][branch] = reward
    finally:
        model.train(training)
    everywhere = _gather(dict(zip(own, rewards, strict=True)))
    return [everywhere[number] for number in range(len(pairs))]


def evaluate_pairs(trainer: "RewardTrainer", pairs: Sequence[TrainingPair]) -> PreferenceMetrics:
    """All metrics of a set; margins and lengths are of the preferred response and the best other one.

    Raises:
        PairError: A reward is not finite.
    """
    strengths = [pair.strength for pair in pairs]
    rewards = rewards_of(trainer, pairs)
    for pair, own in zip(pairs, rewards, strict=True):
        _require_finite(trainer, pair, own)
    others = [best_other(own, 0) for own in rewards]
    return evaluate_margins(
        [own[0] - own[other] for own, other in zip(rewards, others, strict=True)],
        targets=np.array([pair.target for pair in pairs]) if any(0 < pair.target < 1 for pair in pairs) else None,
        lengths=np.array([(pair.lengths[0], pair.lengths[other]) for pair, other in zip(pairs, others, strict=True)]),
        strengths=None if None in strengths else np.array(strengths, dtype=float),
        clusters=[pair.cluster for pair in pairs],
    )


def _require_finite(trainer: "RewardTrainer", pair: TrainingPair, rewards: Sequence[float]) -> None:
    strange = [reward for reward in rewards if not math.isfinite(reward)]
    if strange:
        name = trainer.reward_model.name
        raise PairError(
            pair.id,
            pair.key,
            f"after {trainer.state.global_step} steps from {name} it has the reward {strange[0]}",
            fix=f"lower trainer.learning_rate, and see `rightly doctor {name}` for what it started from",
        )


def _most(count: int, device: torch.device) -> int:
    if not (dist.is_available() and dist.is_initialized()):
        return count
    most = torch.tensor(count, device=device)
    dist.all_reduce(most, op=dist.ReduceOp.MAX)
    return int(most)


def _spare(trainer: "RewardTrainer", pairs: Sequence[TrainingPair], batches: list) -> tuple:
    """A batch to compute for the others' sake."""
    if batches:
        return batches[-1]
    model = trainer.reward_model
    return next(plan_batches([pairs[0].group], 1, packed=model.unpacked is None, pad_id=model.pad_id))


def _gather(own: dict[int, list[float]]) -> dict[int, list[float]]:
    if not (dist.is_available() and dist.is_initialized()):
        return own
    parts: list = [None] * dist.get_world_size()
    dist.all_gather_object(parts, own)
    return {number: rewards for part in parts for number, rewards in part.items()}
