"""What lies in an output is gone on with only by the recipe, the data and the base that it was made from."""

import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from rightly.errors import InputError
from rightly.training.common.recipe import check_recipe
from rightly.training.judge.recipe import GenrmRecipe
from rightly.training.judge.run import train_judge
from rightly.training.matcher.recipe import MatcherRecipe
from rightly.training.matcher.run import train_matcher
from rightly.training.reward_model.recipe import RewardRecipe
from rightly.training.reward_model.run import train_reward_model
from tests.training.conftest import write_pairs
from tests.training.judge.test_run import start  # noqa: F401 - a fixture
from tests.training.judge.test_run import table as judge_table  # noqa: F401 - a fixture
from tests.training.matcher.conftest import table as matcher_table  # noqa: F401 - a fixture
from tests.training.matcher.conftest import tiny_encoder  # noqa: F401 - a fixture


def with_own_base(table, key, tmp_path):
    """The table with a copy of its base, which a test may retrain."""
    copy = tmp_path / "base"
    shutil.copytree(table["model"][key], copy)
    return table | {"model": table["model"] | {key: str(copy)}}


def retrain(folder):
    weights = load_file(Path(folder) / "model.safetensors")
    save_file({name: value * 1.5 for name, value in weights.items()}, Path(folder) / "model.safetensors",
              metadata={"format": "pt"})  # fmt: skip


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.is_file()}


def refused(train, table, said):
    before = contents(table["output"])
    with pytest.raises(InputError, match=f"holds a run of another recipe: {said} differ"):
        train(table)
    assert contents(table["output"]) == before


def reward_model(table):
    return train_reward_model(check_recipe(RewardRecipe, table, "test"))


def test_reward_model_does_not_resume_with_other_recipe_data_or_base(recipe_table, tmp_path):
    table = with_own_base(recipe_table, "name", tmp_path)
    table = table | {"trainer": table["trainer"] | {"max_steps": 2, "save_strategy": "steps", "save_steps": 1}}
    reward_model(table)
    weights = contents(table["output"])["model.safetensors"]
    assert reward_model(table).steps == 2
    assert contents(table["output"])["model.safetensors"] == weights
    refused(reward_model, table | {"trainer": table["trainer"] | {"learning_rate": 0.5}}, r"\[trainer\]")
    train, dev = table["data"]["train"][0], table["data"]["eval"]["dev"]
    for file, size, seed in ((train, 40, 0), (dev, 34, 1)):
        write_pairs(Path(file), size, seed=seed + 7)
        refused(reward_model, table, "the content of data")
        write_pairs(Path(file), size, seed=seed)
    reward_model(table)
    retrain(table["model"]["name"])
    refused(reward_model, table, r"the content of model\.name")


def test_foreign_model_in_output_is_refused(recipe_table, tiny_model):
    shutil.copytree(tiny_model, recipe_table["output"])
    before = contents(recipe_table["output"])
    with pytest.raises(InputError, match="which would be overwritten and was not made by a recipe"):
        reward_model(recipe_table)
    assert contents(recipe_table["output"]) == before


def matcher(table):
    return train_matcher(check_recipe(MatcherRecipe, table, "test"))


def test_matcher_does_not_resume_with_other_recipe_data_or_base(matcher_table, tmp_path):  # noqa: F811
    written = tmp_path / "contrasts.jsonl"
    from tests.training.matcher.conftest import CONTRAST

    def write(point):
        import json

        written.write_text("".join(json.dumps(CONTRAST | {"point": f"{point} {n}"}) + "\n" for n in range(10)))

    write("Response A cites a source")
    table = with_own_base(matcher_table, "base", tmp_path)
    table["data"] = table["data"] | {"contrasts": [str(written)]}
    matcher(table)
    assert matcher(table).steps == 6
    refused(matcher, table | {"trainer": table["trainer"] | {"learning_rate": 0.5}}, r"\[trainer\]")
    write("Response A names a source")
    refused(matcher, table, "the content of data")
    write("Response A cites a source")
    retrain(table["model"]["base"])
    refused(matcher, table, r"the content of model\.base")


def judge(table):
    return train_judge(check_recipe(GenrmRecipe, table, "test"))


def test_judge_does_not_resume_over_other_base(judge_table, tmp_path):  # noqa: F811
    table = with_own_base(judge_table, "name", tmp_path)
    judge(table)
    judge(table)
    retrain(table["model"]["name"])
    refused(judge, table, r"the content of model\.name")
