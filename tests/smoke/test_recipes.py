"""Every shipped recipe is valid and trains, on a small model and a few pairs instead of its own."""

import json
from pathlib import Path

import pytest
from accelerate.commands.config.config_args import load_config_from_file
from trl.trainer.grpo_config import GRPOConfig

from rightly.data.load import load_pairs
from rightly.preferences.adjust import PRESETS, AdjustRule
from rightly.preferences.margins_table import write_scored
from rightly.preferences.strength_table import StrengthRule, diagnose_table
from rightly.rewards.rule import RewardRule
from rightly.training.common.arguments import training_arguments
from rightly.training.common.recipe import check_recipe, read_table
from rightly.training.judge.recipe import GenrmRecipe
from rightly.training.judge.run import train_judge
from rightly.training.reward_model.recipe import read_recipe
from rightly.training.reward_model.run import train_reward_model
from tests.training.conftest import tiny_model, write_pairs  # noqa: F401 - a fixture

FOLDER = Path(__file__).parents[2] / "recipes"
RECIPES = sorted([*FOLDER.glob("rm_*.toml"), *FOLDER.glob("strength_*.toml")])
LAUNCHERS = sorted((FOLDER / "accelerate").glob("*.yaml"))


def rankings(path):
    rows = [
        {
            "id": str(number),
            "context": [{"role": "user", "content": "the answer"}],
            "responses": ["very good", "not bad", "wrong and bad"],
            "label": "A",
            "ranks": [1, 2, 3],
        }
        for number in range(8)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def strength_of(data, folder):
    """Strength of the pairs by made-up scores; a third of them negative."""
    pairs = list(load_pairs(data))
    write_scored(folder / "scored.parquet", pairs, [[1.0 + n if n % 3 else -0.5] for n in range(len(pairs))], ["m"])
    diagnose_table(folder / "scored.parquet", folder / "strength.parquet", StrengthRule(AdjustRule()))
    return folder / "strength.parquet"


def test_there_is_a_recipe_of_every_preset():
    stems = [path.stem for path in RECIPES if path.stem.startswith("strength_") and "online" not in path.stem]
    presets = {stem.removeprefix("strength_").replace("_", "+") for stem in stems}
    assert presets == set(PRESETS) - {"weight"}
    assert len(RECIPES) >= 15
    assert len(LAUNCHERS) == 4


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe_trains(path, tiny_model, tmp_path):  # noqa: F811
    listwise = "listwise" in path.stem
    data = rankings(tmp_path / "train.jsonl") if listwise else write_pairs(tmp_path / "train.jsonl", 12)
    small = [
        f"output={tmp_path / 'run'}",
        f"model.name={tiny_model}",
        "model.max_length=64",
        f'data.train=["{data}"]',
        *([] if listwise else [f'data.eval={{ hh = "{data}" }}']),
        "trainer.per_device_train_batch_size=4",
        "trainer.max_steps=2",
        "trainer.eval_steps=1",
        "trainer.save_steps=1",
        "trainer.use_cpu=true",
        "trainer.disable_tqdm=true",
    ]
    if path.stem.startswith("strength_") and "online" not in path.stem:
        small.append(f"adjust.strength={strength_of(data, tmp_path)}")
    trained = train_reward_model(read_recipe(path, small))
    assert trained.steps == 2
    assert trained.loss > 0
    assert (trained.folder / "reward_contract.json").exists()


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe_as_shipped_is_accepted_by_the_trainer(path, tmp_path):
    recipe = read_recipe(path, [f"output={tmp_path}"])
    arguments = training_arguments(recipe.output, recipe.trainer | {"use_cpu": True})
    assert arguments.learning_rate == recipe.trainer["learning_rate"]


@pytest.mark.parametrize("path", LAUNCHERS, ids=lambda path: path.stem)
def test_launcher_is_read_by_accelerate(path):
    found = load_config_from_file(str(path))
    assert found.num_processes == 8
    assert str(found.distributed_type).rsplit(".", 1)[-1] in ("MULTI_GPU", "FSDP", "DEEPSPEED")


def test_the_miniature_world_trains_as_shipped_but_shorter(tmp_path):
    small = [f"output={tmp_path / 'run'}", "world.pairs=128", "world.width=16", "world.layers=1", "audit.limit=4"]
    small += ["warmup.trainer.max_steps=2", "grpo.max_steps=2", "grpo.per_device_train_batch_size=16", "audit.every=1"]
    trained = train_judge(check_recipe(GenrmRecipe, read_table(FOLDER / "genrm_world.toml", small), "test"))
    assert {row["step"] for row in trained.dynamics} == {0, 1, 2}
    assert trained.counts.used == 128


def test_the_papers_judge_is_accepted_by_the_trainer(tmp_path):
    recipe = check_recipe(GenrmRecipe, read_table(FOLDER / "genrm_paper.toml"), "test")
    on_cpu = {"use_cpu": True, "bf16": False, "use_vllm": False}
    arguments = GRPOConfig(output_dir=str(tmp_path), **{**recipe.grpo, **on_cpu, "generation_batch_size": 128})
    assert arguments.importance_sampling_level == "sequence"
    assert (arguments.epsilon, arguments.learning_rate, arguments.num_generations) == (2e-4, 2e-6, 8)
    assert recipe.reward == RewardRule()
