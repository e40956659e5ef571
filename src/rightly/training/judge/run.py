"""Train a generative reward model: imitate judgments, then reinforce right verdicts with the right reasons.

"Outcome Accuracy is Not Enough" (2026), section 4, on TRL's trainers: supervised warm-up (``SFTTrainer``) and GRPO
(``GRPOTrainer``; Shao et al., 2024) with one composed reward (`rightly.rewards`).
"""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, set_seed
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from rightly.errors import InputError
from rightly.matchers.specs import matcher_identity
from rightly.rewards.integrations import TrlReward
from rightly.store.claim import Claim
from rightly.store.files import atomic_write
from rightly.store.fingerprint import fingerprint, model_fingerprint
from rightly.synthetic.tiny_model import new_model, new_tokenizer
from rightly.training.common.checkpoints import WholeRuns, last_checkpoint
from rightly.training.common.recipe import Lora
from rightly.training.judge.data import JudgingTask, PairCounts, judging_task
from rightly.training.judge.eval_callback import JudgeEvalCallback, read_dynamics
from rightly.training.judge.fitness import require_fit
from rightly.training.judge.recipe import GenrmModel, GenrmRecipe

logger = logging.getLogger(__name__)

WARMUP = "warmup"
FINISHED = "trainer_log.json"
"""Name of the file written last: a stage whose folder has it is complete."""
_OWNED = {"output_dir", "remove_unused_columns"}
_OURS: dict[str, Any] = {
    "report_to": "none",
    "logging_steps": 10,
    "dataloader_pin_memory": False,
    "ddp_find_unused_parameters": False,
}

Arguments = TypeVar("Arguments")


class _Imitation(WholeRuns, SFTTrainer):
    """Supervised warm-up."""


class _Reinforcement(WholeRuns, GRPOTrainer):
    """Reinforcement by the composed reward."""


class TrainedJudge(NamedTuple):
    """Result of a run.

    Attributes:
        folder: Folder of the model, a plain Hugging Face checkpoint for ``hf:FOLDER`` and every server.
        counts: Counts of used and excluded pairs.
        dynamics: Audit results by step and set.
        history: Log of the last stage's trainer.
    """

    folder: Path
    counts: PairCounts
    dynamics: list[dict[str, Any]]
    history: list[dict[str, Any]]


def train_judge(recipe: GenrmRecipe, cache: Path | None = None) -> TrainedJudge:
    """Run a recipe; an interrupted run resumes from its last complete checkpoint, and a finished stage is not repeated.

    Args:
        recipe: Recipe of the run.
        cache: File of the matcher's answer cache.

    Raises:
        InputError: Data, model, matcher or arguments are unusable, or the folder holds a run of another recipe.
    """
    folder = Path(recipe.output)
    if recipe.matcher is not None and recipe.grpo is not None:
        require_fit(recipe.matcher, cache)
    task = judging_task(recipe, cache)
    try:
        claim = _claim(recipe, task)
        claim.require()
        _run_stages(recipe, task, folder, claim)
    finally:
        task.reward.close()
    history = json.loads((folder / FINISHED).read_text(encoding="utf-8"))
    return TrainedJudge(folder, task.counts, read_dynamics(folder), history)


def _run_stages(recipe: GenrmRecipe, task: JudgingTask, folder: Path, claim: Claim) -> None:
    name = recipe.model.name
    if recipe.warmup is not None:
        target = folder / WARMUP if recipe.grpo is not None else folder
        if not (target / FINISHED).exists():
            _warm_up(recipe, task, target, claim)
        name = str(target)
    if recipe.grpo is not None and not (folder / FINISHED).exists():
        _reinforce(recipe, task, name, folder, claim)


def _claim(recipe: GenrmRecipe, task: JudgingTask) -> Claim:
    """The claim of a recipe with the content that it names: prompts and references, imitated judgments, base, matcher."""
    imitations = task.imitations() if recipe.warmup is not None else []
    made_of = {"data": fingerprint("rows", prompts=task.prompts(), imitations=imitations)}
    made_of["audit"] = fingerprint(
        "audit", **{name: [pair.model_dump(mode="json") for pair in pairs] for name, pairs in task.audit.items()}
    )
    if recipe.model.name != "new":
        made_of["model.name"] = model_fingerprint(recipe.model.name)
    if recipe.matcher is not None:
        made_of["matcher.spec"] = matcher_identity(recipe.matcher.spec)
    return Claim(Path(recipe.output), recipe.model_dump(mode="json", exclude={"output"}), made_of)


def without_long_prompts(rows: list[dict[str, Any]], tokenizer: Any, limit: int) -> list[dict[str, Any]]:
    """The rows whose prompt has at most ``limit`` tokens.

    Raises:
        InputError: No row remains.
    """
    kept = [row for row in rows if len(tokenizer.apply_chat_template(row["prompt"])["input_ids"]) <= limit]
    if not kept:
        raise InputError(f"every prompt has more than {limit:,} tokens", where="data.max_prompt_tokens")
    return kept


def load_judge(model: GenrmModel, name: str) -> tuple[Any, Any]:
    """Load a causal language model and its tokenizer, padded on the left.

    Raises:
        InputError: The model does not exist, or it has no chat template.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, padding_side="left", trust_remote_code=model.trust_remote_code)
        loaded = AutoModelForCausalLM.from_pretrained(
            name, dtype=model.dtype, trust_remote_code=model.trust_remote_code
        )
    except (OSError, ValueError) as error:
        raise InputError(f"{name} cannot be loaded ({str(error).splitlines()[0]})", where="model.name") from error
    if tokenizer.chat_template is None:
        raise InputError(f"{name} has no chat template", where="model.name", fix="use an instruction-tuned model")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return loaded, tokenizer


def _warm_up(recipe: GenrmRecipe, task: JudgingTask, target: Path, claim: Claim) -> None:
    given = recipe.warmup.trainer if recipe.warmup is not None else {}
    args = _arguments(SFTConfig, target, {"max_length": None, **given}, "[warmup.trainer]")
    set_seed(args.seed)
    if recipe.model.name == "new" and recipe.world is not None:
        tokenizer = new_tokenizer()
        model = new_model(tokenizer, width=recipe.world.width, layers=recipe.world.layers, seed=args.seed)
    else:
        model, tokenizer = load_judge(recipe.model, recipe.model.name)
    trainer = _Imitation(
        model=model,
        args=args,
        train_dataset=Dataset.from_list(task.imitations()),
        processing_class=tokenizer,
        peft_config=_adapter(recipe.model.lora),
    )
    if trainer.is_world_process_zero():
        claim.note()
    trainer.train(resume_from_checkpoint=last_checkpoint(target))
    _save(trainer, target)


def _reinforce(recipe: GenrmRecipe, task: JudgingTask, name: str, folder: Path, claim: Claim) -> None:
    args = _arguments(GRPOConfig, folder, recipe.grpo or {}, "[grpo]")
    set_seed(args.seed)
    model, tokenizer = load_judge(recipe.model, name)
    rows = task.prompts()
    if recipe.data is not None:
        kept = without_long_prompts(rows, tokenizer, recipe.data.max_prompt_tokens)
        logger.warning("%s of %s prompts excluded: longer than max_prompt_tokens", len(rows) - len(kept), len(rows))
        rows = kept
    trainer = _Reinforcement(
        model=model,
        reward_funcs=TrlReward(task.reward),  # type: ignore[arg-type]  # asynchronous functions are accepted too
        args=args,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=_adapter(recipe.model.lora),
    )
    if recipe.audit is not None and task.audit:
        callback = JudgeEvalCallback(task, recipe.audit, folder)
        callback.trainer = trainer
        trainer.add_callback(callback)
    if trainer.is_world_process_zero():
        claim.note()
    trainer.train(resume_from_checkpoint=last_checkpoint(folder))
    _save(trainer, folder)


def _arguments(kind: Callable[..., Arguments], folder: Path, given: Mapping[str, Any], where: str) -> Arguments:
    owned = _OWNED & set(given)
    if owned:
        raise InputError(f"{min(owned)} is set by the recipe itself", where=where, fix="remove it")
    try:
        return kind(output_dir=str(folder), **(_OURS | dict(given)))
    except (TypeError, ValueError) as error:
        problem = str(error).replace(".__init__() got an unexpected keyword argument", " has no argument")
        raise InputError(" ".join(problem.split()), where=where) from None


def _adapter(lora: Lora | None) -> Any:
    if lora is None:
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # a fraction is fine
        lora_dropout=lora.dropout,
        target_modules=lora.targets if isinstance(lora.targets, str) else list(lora.targets),
        task_type="CAUSAL_LM",
    )


def _save(trainer: Any, folder: Path) -> None:
    """Save the model with any adapter merged, its tokenizer, and last the log, which marks a finished stage."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    if not isinstance(model, PreTrainedModel) and trainer.is_world_process_zero():
        model.merge_and_unload().save_pretrained(folder)
        trainer.processing_class.save_pretrained(folder)
    elif isinstance(model, PreTrainedModel):
        trainer.save_model(str(folder))
    if trainer.is_world_process_zero():
        with atomic_write(folder / FINISHED) as partial:
            partial.write_text(json.dumps(trainer.state.log_history) + "\n", encoding="utf-8")
    trainer.accelerator.wait_for_everyone()
