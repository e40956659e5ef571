"""Train a scalar reward model, a matcher or a judge from a recipe (TOML)."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rightly.errors import needs_extra
from rightly.jobs.config import Config, Flag, default_cache
from rightly.store.run_folder import RunFolder
from rightly.training.common.recipe import check_recipe, read_table

if TYPE_CHECKING:
    from rightly.training.judge.recipe import GenrmRecipe
    from rightly.training.judge.run import TrainedJudge
    from rightly.training.matcher.run import TrainedMatcher
    from rightly.training.reward_model.result import TrainedRewardModel


class TrainConfig(Config):
    """Which recipe is run."""

    recipe: Annotated[Path, Flag(positional=True)]
    """The recipe, a TOML file."""
    changes: Annotated[tuple[str, ...], Flag("--set", metavar="KEY=VALUE")] = ()
    """Change a value of the recipe, for example trainer.learning_rate=1e-5; repeat."""


class TrainJudgeConfig(TrainConfig):
    """Which recipe of a judge is run, or written out for another trainer."""

    launch: Annotated[Path | None, Flag(metavar="DIR")] = None
    """Write a launch folder for verl instead of training here."""


def run_reward_model(config: TrainConfig) -> "TrainedRewardModel":
    """Train a scalar reward model; an interrupted run is resumed from its last whole checkpoint.

    Raises:
        InputError: The recipe, data or model are unusable, or the output holds a run of another recipe.
    """
    with needs_extra("training", "train"):
        from rightly.training.reward_model.recipe import read_recipe
        from rightly.training.reward_model.run import train_reward_model
    return train_reward_model(read_recipe(config.recipe, config.changes))


def run_matcher(config: TrainConfig) -> "TrainedMatcher":
    """Train a matcher; as `run_reward_model`."""
    with needs_extra("training", "train"):
        from rightly.training.matcher.recipe import MatcherRecipe
        from rightly.training.matcher.run import train_matcher
    return train_matcher(check_recipe(MatcherRecipe, read_table(config.recipe, config.changes), str(config.recipe)))


def judge_recipe(config: TrainConfig) -> "GenrmRecipe":
    """The recipe of a judge.

    Raises:
        InputError: The file or a change is unusable; names the key.
    """
    with needs_extra("training", "genrm"):
        from rightly.training.judge.recipe import GenrmRecipe
    return check_recipe(GenrmRecipe, read_table(config.recipe, config.changes), str(config.recipe))


def run_judge(recipe: "GenrmRecipe") -> "TrainedJudge":
    """Train a judge; as `run_reward_model`."""
    with needs_extra("training", "genrm"):
        from rightly.training.judge.run import train_judge
    return train_judge(recipe, default_cache())


def write_launch(recipe: "GenrmRecipe", folder: Path) -> list[str]:
    """Write a judge's recipe out for verl: ``train.parquet``, ``reward.py``, ``run.sh``.

    Returns:
        Arguments that verl has no place for.

    Raises:
        InputError: The recipe cannot be run by verl, or the folder holds something else.
    """
    with needs_extra("training", "genrm"):
        from rightly.training.judge.verl_launch import write_verl_launch
    RunFolder(folder, {"verb": "launch"}, owns=("train.parquet", "reward.py", "run.sh")).begin()
    return list(write_verl_launch(recipe, folder))
