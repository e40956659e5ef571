"""Write the second stage of a recipe for verl (Ray, vLLM, many nodes): data, Rightly's reward, and the command.

Option names are those of verl 0.9.1. Training there uses only the reward from Rightly.
"""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rightly.errors import InputError
from rightly.rewards.integrations import reward_columns
from rightly.store.files import atomic_write
from rightly.training.judge.data import JudgingTask, judging_task
from rightly.training.judge.fitness import require_fit
from rightly.training.judge.recipe import GenrmRecipe

_GPUS = 8
_TOKENS_AT_ONCE = 16_384
"""Tokens per GPU in one forward pass, unless one sequence may be longer; verl's default."""
_REWARD = '''"""The reward of a recipe, as verl calls it: one sample at a time, many at once."""

from pathlib import Path

from rightly.rewards import JudgmentReward
from rightly.rewards import RewardRule
from rightly.rewards.integrations import verl_function

RULE = RewardRule.model_validate_json({rule!r})
CACHE = Path.home() / ".cache" / "rightly" / "answers.db"
REWARD = JudgmentReward(RULE, {matcher!r}, timeout={timeout!r}, cache=CACHE)
compute_score = verl_function(REWARD)
'''
_RUN = """#!/usr/bin/env bash
# GRPO with verl. NODES and GPUS describe your Ray cluster; further arguments take precedence over those below.
# The matcher's endpoint is taken from OPENAI_BASE_URL and OPENAI_API_KEY, which the Ray workers must see.
set -euo pipefail
HERE="$(cd -- "$(dirname -- "${{BASH_SOURCE[0]}}")" > /dev/null && pwd)"
python -m verl.trainer.main_ppo \\
  data.train_files="$HERE/train.parquet" data.val_files="$HERE/train.parquet" \\
  reward.custom_reward_function.path="$HERE/reward.py" reward.custom_reward_function.name=compute_score \\
{options} \\
  trainer.nnodes="${{NODES:-1}}" trainer.n_gpus_per_node="${{GPUS:-{gpus}}}" "$@"
"""
_UNMAPPED_FINE = {
    "use_cpu", "bf16", "gradient_checkpointing", "logging_steps", "report_to", "seed", "use_vllm", "vllm_mode",
    "vllm_gpu_memory_utilization", "per_device_train_batch_size", "gradient_accumulation_steps", "scale_rewards",
    "save_total_limit", "save_strategy", "log_completions", "disable_tqdm",
}  # fmt: skip
"""TRL arguments about where and how it runs, not about the computation: verl has its own."""


def write_verl_launch(recipe: GenrmRecipe, folder: Path, cache: Path | None = None) -> list[str]:
    """Write ``train.parquet``, ``reward.py`` and ``run.sh``.

    Args:
        recipe: Recipe with ``[data]``, ``[matcher]`` and ``[grpo]``. Run a warm-up before, with `rightly train genrm`
            without ``[grpo]``, and set ``model.name`` to its folder.
        folder: Output folder.
        cache: File of the matcher's answer cache.

    Returns:
        The arguments of ``[grpo]`` that were not transferred.

    Raises:
        InputError: The recipe lacks one of these tables, has a warm-up, or its matcher is not fit as a reward.
    """
    if recipe.data is None or recipe.matcher is None or recipe.grpo is None:
        raise InputError("a launch folder needs [data], [matcher] and [grpo]")
    if recipe.warmup is not None:
        raise InputError(
            "verl runs only the second stage",
            where="[warmup]",
            fix="run the warm-up first, then set model.name to its folder",
        )
    require_fit(recipe.matcher, cache)
    task = judging_task(recipe)
    options, left = verl_options(recipe)
    folder.mkdir(parents=True, exist_ok=True)
    _write_rows(task, folder / "train.parquet")
    reward = _REWARD.format(
        rule=recipe.reward.model_dump_json(),
        matcher=recipe.matcher.spec,
        timeout=recipe.matcher.timeout,
    )
    (folder / "reward.py").write_text(reward, encoding="utf-8")
    lines = " \\\n".join(f"  {key}={shlex.quote(str(value))}" for key, value in options.items())
    script = folder / "run.sh"
    script.write_text(_RUN.format(options=lines, gpus=_GPUS), encoding="utf-8")
    script.chmod(0o755)
    return left


def verl_options(recipe: GenrmRecipe) -> tuple[dict[str, Any], list[str]]:
    """The overrides of ``verl.trainer.main_ppo``, and the arguments of ``[grpo]`` without a counterpart.

    TRL counts completions and verl prompts. A batch in verl is ``generation_batch_size / num_generations``, and its
    mini-batch is that divided by the number of optimiser steps on it.
    """
    given = dict(recipe.grpo or {})
    samples = given.pop("num_generations", 8)
    completions = given.pop("generation_batch_size", 256 * samples)
    updates = _updates(recipe.grpo or {}, completions)
    options: dict[str, Any] = {
        "algorithm.adv_estimator": "grpo",
        "algorithm.use_kl_in_reward": False,
        "data.train_batch_size": completions // samples,
        "data.filter_overlong_prompts": True,
        "actor_rollout_ref.model.path": recipe.model.name,
        "actor_rollout_ref.rollout.name": "vllm",
        "actor_rollout_ref.rollout.n": samples,
        "actor_rollout_ref.actor.ppo_mini_batch_size": max(completions // samples // updates, 1),
        "actor_rollout_ref.actor.use_dynamic_bsz": True,
        "trainer.val_before_train": False,
        "trainer.default_local_dir": recipe.output,
    }
    for key, target in _DIRECT.items():
        if key in given:
            options[target] = given.pop(key)
    options.setdefault(
        "actor_rollout_ref.actor.clip_ratio_high", options.get("actor_rollout_ref.actor.clip_ratio_low", 0.2)
    )
    if given.pop("importance_sampling_level", "token") == "sequence":
        options["actor_rollout_ref.actor.policy_loss.loss_mode"] = "gspo"
        options["actor_rollout_ref.actor.loss_agg_mode"] = "seq-mean-token-mean"
    beta = given.pop("beta", 0.0)
    options["actor_rollout_ref.actor.use_kl_loss"] = bool(beta)
    if beta:
        options["actor_rollout_ref.actor.kl_loss_coef"] = beta
    if recipe.data is not None:
        longest = recipe.data.max_prompt_tokens + options.get("data.max_response_length", 512)
        options["data.max_prompt_length"] = recipe.data.max_prompt_tokens
        options["actor_rollout_ref.actor.ppo_max_token_len_per_gpu"] = max(_TOKENS_AT_ONCE, longest)
    known = _UNMAPPED_FINE | {"steps_per_generation"}
    return options, sorted(set(given) - known)


_DIRECT: Mapping[str, str] = {
    "learning_rate": "actor_rollout_ref.actor.optim.lr",
    "max_completion_length": "data.max_response_length",
    "temperature": "actor_rollout_ref.rollout.temperature",
    "top_p": "actor_rollout_ref.rollout.top_p",
    "epsilon": "actor_rollout_ref.actor.clip_ratio_low",
    "epsilon_high": "actor_rollout_ref.actor.clip_ratio_high",
    "num_train_epochs": "trainer.total_epochs",
    "max_steps": "trainer.total_training_steps",
    "save_steps": "trainer.save_freq",
}


def _updates(grpo: Mapping[str, Any], completions: int) -> int:
    """TRL's number of optimiser steps on one batch of rollouts, with ``run.sh``'s default number of GPUs."""
    at_once = grpo.get("per_device_train_batch_size", 8) * grpo.get("gradient_accumulation_steps", 1) * _GPUS
    return max(completions // at_once, 1)


def _write_rows(task: JudgingTask, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {
            "data_source": "rightly",
            "prompt": [message.model_dump() for message in task.messages(pair)],
            "ability": "judging",
            "reward_model": {"style": "rule", "ground_truth": json.dumps(reward_columns(pair), ensure_ascii=False)},
            "extra_info": {"index": index, "pair_id": pair.id},
        }
        for index, pair in enumerate(task.train)
    ]
    with atomic_write(path) as partial:
        pq.write_table(pa.Table.from_pylist(rows), partial)
