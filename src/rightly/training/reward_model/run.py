"""One training run from its recipe: load, train or resume, keep the best, evaluate, write the card."""

import json
from pathlib import Path
from typing import Any

from transformers import set_seed

from rightly.data.load import load_pairs, rows_named
from rightly.data.source import files_of, source_name
from rightly.errors import InputError
from rightly.reward_models.fast.install import compile_layers
from rightly.reward_models.lora import adapter_base, add_lora, refuse_beside_adapter
from rightly.reward_models.model import RewardModel
from rightly.reward_models.model_parts import backbone
from rightly.store.claim import Claim, DataDigest
from rightly.store.fingerprint import model_fingerprint
from rightly.training.common.arguments import training_arguments
from rightly.training.common.checkpoints import last_checkpoint
from rightly.training.reward_model.adjusted_pairs import adjusted_pairs
from rightly.training.reward_model.card import write_card
from rightly.training.reward_model.data import DataCounts, TrainingPair, prepare_pairs
from rightly.training.reward_model.dropout import set_dropout
from rightly.training.reward_model.objective import Objective
from rightly.training.reward_model.online_adjustment import OnlineAdjustment
from rightly.training.reward_model.recipe import RewardRecipe
from rightly.training.reward_model.result import TrainedRewardModel
from rightly.training.reward_model.trainer import RewardTrainer

ADAPTER = "adapter"
"""Folder of the adapter alone, in the output of a run that merges it."""


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
        with rows_named(files_of([source]), recipe.data.columns):
            sets[name], counts[name] = prepare_pairs(pairs, reward_model, recipe.loss, where=source_name(source))
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
    watched, where = digest.watch(sources), ", ".join(map(source_name, table.train))
    with rows_named(files_of(table.train), table.columns):
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
    summary = {
        "recipe": recipe.model_dump(mode="json"),
        "counts": {name: counts.model_dump() for name, counts in trained.counts.items()},
        "results": {name: metrics.model_dump(mode="json") for name, metrics in trained.results.items()},
        "steps": trained.steps,
        "unpacked": reward_model.unpacked,
    }
    (trained.folder / "training_summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    write_card(recipe, trained, reward_model)
