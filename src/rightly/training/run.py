"""One training run from its recipe: load, train or resume, keep the best, evaluate, write the card."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import TrainingArguments, set_seed

from rightly.data.load import load_pairs, rows_named
from rightly.errors import InputError
from rightly.metrics.preference import PreferenceMetrics
from rightly.reward_models.adapters import adapter_base, add_lora, refuse_beside_adapter
from rightly.reward_models.anatomy import backbone
from rightly.reward_models.fast_path import compile_layers
from rightly.reward_models.model import RewardModel
from rightly.store.claim import Claim, DataDigest
from rightly.store.fingerprint import model_fingerprint
from rightly.training.adjust import adjusted_pairs
from rightly.training.data import DataCounts, TrainingPair, prepare_pairs
from rightly.training.dropout import set_dropout
from rightly.training.objective import Objective
from rightly.training.online import OnlineAdjustment
from rightly.training.recipe import RewardRecipe
from rightly.training.reward_trainer import RewardTrainer, last_checkpoint

ADAPTER = "adapter"
"""Folder of the adapter alone, in the output of a run that merges it."""

_OWNED = {"output_dir", "remove_unused_columns", "metric_for_best_model_greater"}
_LOWER_IS_BETTER = ("nll", "brier", "ece")


@dataclass(frozen=True)
class TrainedRewardModel:
    """What a run left behind.

    Attributes:
        folder: The model: a plain Hugging Face checkpoint, a low-rank adapter merged into its base unless told otherwise.
        results: Metrics of every evaluation set, of the model in ``folder``.
        counts: What became of the pairs of ``train`` and of every evaluation set.
        steps: Optimiser steps.
        loss: Mean training loss of the run as the Trainer reports it.
        history: What the Trainer logged, step by step.
    """

    folder: Path
    results: dict[str, PreferenceMetrics]
    counts: dict[str, DataCounts]
    steps: int
    loss: float
    history: list[dict[str, float]]


def train_reward_model(recipe: RewardRecipe) -> TrainedRewardModel:
    """Run a recipe; a run that was interrupted goes on from its last whole checkpoint.

    Raises:
        InputError: Data, model or arguments are unusable, or the output holds a run of another recipe, data or base.
    """
    args = training_arguments(recipe.output, recipe.trainer)
    folder, lora = Path(recipe.output), recipe.model.lora
    merge = lora is not None and lora.merge
    if merge or lora is None:
        refuse_beside_adapter(folder)
    set_seed(args.seed)  # a new head and prototypes are drawn before the Trainer seeds itself
    reward_model = _load(recipe)
    digest = DataDigest()
    train, counts = _read(recipe, reward_model, digest)
    sets: dict[str, list[TrainingPair]] = {}
    for name, source in recipe.data.eval.items():
        pairs = digest.watch(load_pairs(source, columns=recipe.data.columns))
        with rows_named([source], recipe.data.columns):
            sets[name], counts[name] = prepare_pairs(pairs, reward_model, recipe.loss, where=source)
    model = _adapted(recipe, reward_model)
    width = reward_model.model.config.get_text_config().hidden_size
    objective = Objective(recipe.loss, recipe.contrastive, width)
    online = OnlineAdjustment(recipe.adjust.cap) if recipe.adjust is not None and recipe.adjust.online else None
    trainer = RewardTrainer(reward_model, args, objective, train, sets, model=model, online=online)
    claim = _claim(recipe, str(digest))
    claim.require()
    if trainer.is_world_process_zero():
        claim.note()
    done = trainer.train(resume_from_checkpoint=last_checkpoint(recipe.output))
    if sets:
        trainer.evaluate()
    trainer.save_model(str(folder / ADAPTER if merge else folder))
    if merge and trainer.is_world_process_zero():
        _save_merged(recipe, folder)
    trained = TrainedRewardModel(
        folder, dict(trainer.results), counts, done.global_step, done.training_loss, list(trainer.state.log_history)
    )
    if trainer.is_world_process_zero():
        _record(recipe, trained, reward_model)
    return trained


def training_arguments(output: str, trainer: Mapping[str, Any]) -> TrainingArguments:
    """Hugging Face's arguments: what a recipe hands through over our defaults.

    Raises:
        InputError: An argument is unknown or unusable.
    """
    owned = _OWNED & set(trainer)
    if owned:
        raise InputError(f"trainer.{min(owned)} is set by the recipe itself", fix="leave it out")
    given: dict[str, Any] = {
        "logging_steps": 10,
        "report_to": "none",
        "dataloader_pin_memory": False,
        "ddp_find_unused_parameters": False,
    }
    given |= trainer
    best = given.get("metric_for_best_model")
    if best is not None:
        given.setdefault("greater_is_better", not str(best).endswith(_LOWER_IS_BETTER))
    try:
        return TrainingArguments(output_dir=output, remove_unused_columns=False, **given)
    except (TypeError, ValueError) as error:
        problem = str(error).replace("TrainingArguments.__init__() got an unexpected keyword argument", "no argument")
        raise InputError(" ".join(problem.split()), where="[trainer]") from None


def _load(recipe: RewardRecipe) -> RewardModel:
    table = recipe.model
    quantization = None
    if table.lora is not None and table.lora.quantize:
        from transformers import BitsAndBytesConfig

        quantization = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")
    reward_model = RewardModel.load(
        table.name,
        dtype=table.dtype,
        device="cpu" if quantization is None else None,  # the Trainer places it
        new_head=True,
        max_length=table.max_length,
        packed=table.packed,
        trust_remote_code=table.trust_remote_code,
        quantization_config=quantization,
    )
    set_dropout(reward_model.model, recipe.dropout)
    return reward_model


def _adapted(recipe: RewardRecipe, reward_model: RewardModel) -> Any:
    model: Any = reward_model.model
    lora = recipe.model.lora
    if lora is not None and adapter_base(recipe.model.name) is not None:
        raise InputError(
            "is an adapter, and a second one would be saved without it",
            where=recipe.model.name,
            fix=f"merge it first: RewardModel.load({recipe.model.name!r}).save(FOLDER)",
        )
    if recipe.model.freeze:
        backbone(model).requires_grad_(False)
    if lora is not None:
        model = add_lora(
            model,
            rank=lora.rank,
            alpha=lora.alpha,
            dropout=lora.dropout,
            targets=lora.targets,
            fresh=reward_model.fresh,
        )
    if recipe.model.compile:
        compile_layers(reward_model.model)
    return model


def _claim(recipe: RewardRecipe, data: str) -> Claim:
    made_of = {"data": data, "model.name": model_fingerprint(recipe.model.name)}
    return Claim(Path(recipe.output), recipe.model_dump(mode="json", exclude={"output"}), made_of)


def _read(
    recipe: RewardRecipe, reward_model: RewardModel, digest: DataDigest
) -> tuple[list[TrainingPair], dict[str, DataCounts]]:
    table = recipe.data
    sources = (pair for source in table.train for pair in load_pairs(source, columns=table.columns, limit=table.limit))
    if recipe.adjust is not None and recipe.adjust.strength is not None:
        sources = adjusted_pairs(sources, recipe.adjust)
    watched, where = digest.watch(sources), ", ".join(table.train)
    with rows_named(table.train, table.columns):
        train, counts = prepare_pairs(watched, reward_model, recipe.loss, ties=table.ties, where=where)
    return train, {"train": counts}


def _save_merged(recipe: RewardRecipe, folder: Path) -> None:
    """Write base and adapter as one checkpoint, from the adapter's file: what is in memory may be sharded or in 4 bits."""
    from transformers.integrations.deepspeed import unset_hf_deepspeed_config

    unset_hf_deepspeed_config()  # only this process loads
    table = recipe.model
    RewardModel.load(
        folder / ADAPTER, dtype=table.dtype, device="cpu", packed=False, trust_remote_code=table.trust_remote_code
    ).save(folder)


def _record(recipe: RewardRecipe, trained: TrainedRewardModel, reward_model: RewardModel) -> None:
    from rightly.training.card import write_card

    summary = {
        "recipe": recipe.model_dump(mode="json"),
        "counts": {name: counts.model_dump() for name, counts in trained.counts.items()},
        "results": {name: metrics.model_dump(mode="json") for name, metrics in trained.results.items()},
        "steps": trained.steps,
        "unpacked": reward_model.unpacked,
    }
    (trained.folder / "training_summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    write_card(recipe, trained, reward_model)
