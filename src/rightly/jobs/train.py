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
    """Configuration of a training run."""

    recipe: Annotated[Path, Flag(positional=True)]
    """Recipe, a TOML file."""
    changes: Annotated[tuple[str, ...], Flag("--set", metavar="KEY=VALUE")] = ()
    """Change a value of the recipe, for example trainer.learning_rate=1e-5; repeat for several."""


class TrainJudgeConfig(TrainConfig):
    """Configuration of a judge's training, here or in another trainer."""

    launch: Annotated[Path | None, Flag(metavar="DIR")] = None
    """Folder for a launch with verl; if given, the recipe is written there instead of being run here."""


def run_reward_model(config: TrainConfig) -> "TrainedRewardModel":
    """Train a scalar reward model; an interrupted run resumes from its last complete checkpoint.

    Raises:
        InputError: The recipe, data or model are unusable, or the output holds a run of another recipe.
    """
    with needs_extra("training", "train"):
        from rightly.training.reward_model.recipe import read_recipe
        from rightly.training.reward_model.run import train_reward_model
    return train_reward_model(read_recipe(config.recipe, config.changes))


def run_matcher(config: TrainConfig) -> "TrainedMatcher":
    """Train a matcher; see `run_reward_model`."""
    with needs_extra("training", "train"):
        from rightly.training.matcher.recipe import MatcherRecipe
        from rightly.training.matcher.run import train_matcher
    return train_matcher(check_recipe(MatcherRecipe, read_table(config.recipe, config.changes), str(config.recipe)))


def judge_recipe(config: TrainConfig) -> "GenrmRecipe":
    """Read the recipe of a judge.

    Raises:
        InputError: The file or a change is unusable; the error names the key.
    """
    with needs_extra("training", "genrm"):
        from rightly.training.judge.recipe import GenrmRecipe
    return check_recipe(GenrmRecipe, read_table(config.recipe, config.changes), str(config.recipe))


def run_judge(recipe: "GenrmRecipe") -> "TrainedJudge":
    """Train a judge; see `run_reward_model`."""
    with needs_extra("training", "genrm"):
        from rightly.training.judge.run import train_judge
    return train_judge(recipe, default_cache())


def write_launch(recipe: "GenrmRecipe", folder: Path) -> list[str]:
    """Write a launch folder for verl from a judge's recipe: ``train.parquet``, ``reward.py``, ``run.sh``.

    Returns:
        Settings of the recipe that verl does not support.

    Raises:
        InputError: verl cannot run the recipe, its matcher is not fit as a reward, or the folder holds other files.
    """
    with needs_extra("training", "genrm"):
        from rightly.training.judge.verl_launch import write_verl_launch
    RunFolder(folder, {"verb": "launch"}, owns=("train.parquet", "reward.py", "run.sh")).begin()
    return list(write_verl_launch(recipe, folder, default_cache()))
