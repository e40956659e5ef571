"""The Hugging Face Trainer with packed batches, a loss of our own and exact evaluation; a seam as thin as it gets."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from transformers import Trainer, TrainingArguments

from rightly.errors import InputError
from rightly.metrics.preference import PreferenceMetrics
from rightly.metrics.ties import TIE
from rightly.reward_models.model import RewardModel
from rightly.training.common.checkpoints import WholeRuns
from rightly.training.reward_model.collate import Collator, split_terms
from rightly.training.reward_model.data import TrainingPair
from rightly.training.reward_model.evaluation import Evaluator, preference_metrics
from rightly.training.reward_model.objective import Objective, Terms
from rightly.training.reward_model.online_adjustment import OnlineAdjustment

_CONTRAST_FILE = "contrastive.pt"
_ONLINE_FILE = "online.pt"


class RewardTrainer(WholeRuns, Trainer):
    """Trains a `RewardModel`.

    Loss and gradients are means over the pairs of the whole step, whatever the number of processes, accumulated
    batches and pairs in each. Evaluation scores every pair of every set once and computes its metrics from all margins
    together, never from means of batches.

    Args:
        reward_model: What is trained; ``model`` where adapters wrap it.
        args: Hugging Face's arguments; ``remove_unused_columns`` must be off.
        objective: The loss.
        train_pairs: What is trained on.
        eval_sets: Named sets.
        model: The module to train, where it is not ``reward_model.model`` (PEFT).
        online: Targets from the margins of the run itself.
        eval_tokens: Tokens computed in one pass of an evaluation.
    """

    def __init__(
        self,
        reward_model: RewardModel,
        args: TrainingArguments,
        objective: Objective,
        train_pairs: Sequence[TrainingPair],
        eval_sets: Mapping[str, Sequence[TrainingPair]] | None = None,
        *,
        model: nn.Module | None = None,
        online: OnlineAdjustment | None = None,
        eval_tokens: int = 8192,
        **others: Any,
    ) -> None:
        if args.n_gpu > 1:
            raise InputError(
                f"one process for {args.n_gpu} GPUs would use DataParallel", fix="start with `accelerate launch`"
            )
        self.reward_model = reward_model
        self.objective = objective.to(args.device)
        self.online = None if online is None else online.to(args.device)
        self.eval_tokens = eval_tokens
        self.results: dict[str, PreferenceMetrics] = {}
        self._seen: dict[str, Tensor] = {}
        super().__init__(
            model=model if model is not None else reward_model.model,  # type: ignore[arg-type]
            args=args,
            data_collator=Collator(reward_model.unpacked is None, reward_model.pad_id, objective.views),  # type: ignore[arg-type]
            train_dataset=list(train_pairs),  # type: ignore[arg-type]
            eval_dataset=dict(eval_sets or {}),  # type: ignore[arg-type]
            processing_class=reward_model.tokenizer,
            **others,
        )
        self.loss_is_scaled_for_ga = True
        for parameter in self.objective.parameters():
            parameter.register_hook(_mean_over_processes)

    def _get_num_items_in_batch(self, batch_samples: list, device: torch.device) -> Tensor:
        """Pairs of the whole optimiser step, over accumulated batches and processes."""
        count = torch.tensor(sum(len(batch["sizes"]) for batch in batch_samples), device=device)
        return self.accelerator.reduce(count, reduction="sum")  # type: ignore[return-value]

    def _prepare_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        spans = inputs.get("spans")
        moved = super()._prepare_inputs(inputs)
        return moved if spans is None else {**moved, "spans": spans}  # the layout is made on the CPU

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """This process's share of the loss of the step: summed over its pairs, over the step's pairs."""
        arguments, terms = split_terms(inputs)
        out = model(**arguments)
        pairs = len(terms.sizes)
        total = pairs if num_items_in_batch is None else num_items_in_batch
        rewards = out.logits[:, 0].float().chunk(self.objective.views)
        if self.online is not None:
            terms = self.online.adjust(rewards[0].detach(), terms)
            self._add("noise_rate", torch.tensor(self.online.noise_rate * pairs, device=rewards[0].device))
        loss = torch.stack([self.objective.supervised(view, terms).sum() for view in rewards]).mean()
        self._watch(rewards[0], terms)
        if self.objective.contrastive is not None:
            contrast = self.objective.contrast(*out.hidden_states[0].chunk(2), terms=terms)
            loss = loss + self.objective.contrastive.coefficient * contrast * pairs
            self._add("contrastive", contrast.detach() * pairs)
        loss = loss / total * self.accelerator.num_processes
        return (loss, out) if return_outputs else loss

    @torch.no_grad()
    def _watch(self, rewards: Tensor, terms: Terms) -> None:
        starts = terms.sizes.cumsum(0) - terms.sizes
        best = rewards[starts]
        others = rewards.index_fill(0, starts, -torch.inf)
        owner = torch.repeat_interleave(terms.sizes)
        other = torch.full_like(best, -torch.inf).scatter_reduce(0, owner, others, "amax")
        self._add("pairs", torch.tensor(float(len(starts)), device=rewards.device))
        self._add("accuracy", (best - other > TIE).float().sum())
        self._add("margin", (best - other).sum())
        self._add("reward", (best + other).sum() / 2)

    def _add(self, name: str, value: Tensor) -> None:
        self._seen[name] = self._seen[name] + value if name in self._seen else value

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add what the pairs since the last log gave: sums over all of them, over their number."""
        if "loss" in logs and self._seen:
            names = sorted(self._seen)
            sums = self.accelerator.reduce(torch.stack([self._seen[name] for name in names]), reduction="sum")
            seen = dict(zip(names, sums.tolist(), strict=True))  # type: ignore[union-attr]
            pairs = seen.pop("pairs")
            logs |= {f"train_{name}": value / pairs for name, value in seen.items()}
            self._seen = {}
        super().log(logs, start_time)

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: list[str] | None = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Exact metrics of every set, logged as ``eval_<set>_<metric>``; whole in ``results``."""
        sets: Any = self.eval_dataset if eval_dataset is None else eval_dataset
        logs: dict[str, float] = {}
        for name, pairs in sets.items():
            found = preference_metrics(pairs, self.rewards_of(pairs), self.reward_model.name)
            self.results[name] = found
            logs |= {f"{metric_key_prefix}_{name}_{metric}": value for metric, value in found.scalars().items()}
        self.log(dict(logs))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, logs)
        return logs

    @torch.no_grad()
    def rewards_of(self, pairs: Sequence[TrainingPair]) -> list[list[float]]:
        """The rewards of every pair's responses, the preferred one first, on every process."""
        sharded = self.is_fsdp_enabled or self.is_deepspeed_enabled
        model: Any = self.model_wrapped if sharded else self.model

        def forward(batch: Mapping[str, Tensor]) -> Tensor:
            with self.compute_loss_context_manager():
                return model(**batch).logits[:, 0]

        evaluator = Evaluator(
            forward,
            device=self.args.device,
            rank=self.args.process_index,
            world=self.args.world_size,
            packed=self.reward_model.unpacked is None,
            pad_id=self.reward_model.pad_id,
            tokens=self.eval_tokens,
        )
        training = model.training
        model.eval()
        try:
            return evaluator.rewards(pairs)
        finally:
            model.train(training)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Hugging Face's optimiser, with the prototypes of the contrastive loss as one more group."""
        fresh = self.optimizer is None
        optimizer = super().create_optimizer(model)
        prototypes = list(self.objective.parameters())
        if fresh and prototypes:
            optimizer.add_param_group({"params": prototypes, "weight_decay": 0.0})
            # The Trainer clears the gradients of the model alone.
            optimizer.register_step_post_hook(lambda *_: self.objective.zero_grad())
        return optimizer

    def _save(self, output_dir: str | None = None, state_dict: dict | None = None) -> None:
        super()._save(output_dir, state_dict)
        if self.args.should_save:
            self.reward_model.contract.write(Path(output_dir or self.args.output_dir))  # type: ignore[arg-type]

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        super()._save_optimizer_and_scheduler(output_dir)
        if self.args.should_save:
            for name, module in self._beside().items():
                torch.save(module.state_dict(), Path(output_dir) / name)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            for name, module in self._beside().items():
                path = Path(checkpoint) / name
                module.load_state_dict(torch.load(path, map_location=self.args.device, weights_only=True))
        super()._load_optimizer_and_scheduler(checkpoint)

    def _beside(self) -> dict[str, nn.Module]:
        """What a checkpoint holds beside the model, by file."""
        parts = {_CONTRAST_FILE: self.objective if self.objective.swav is not None else None, _ONLINE_FILE: self.online}
        return {name: module for name, module in parts.items() if module is not None}


def _mean_over_processes(gradient: Tensor) -> Tensor:
    """Prototypes live outside the wrapped model, so their gradients are averaged here."""
    if dist.is_available() and dist.is_initialized():
        gradient = gradient.clone()
        dist.all_reduce(gradient)
        gradient /= dist.get_world_size()
    return gradient
