"""Train reward models and judges, and serve them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rightly.errors import InputError, needs_extra
from rightly.jobs import serve as serve_job
from rightly.jobs.config import configured, default_cache
from rightly.jobs.events import SILENT, Events
from rightly.jobs.serve import ServeConfig
from rightly.judges.base import Judge
from rightly.training.common.recipe import check_recipe, merged_tables, read_table

if TYPE_CHECKING:
    from rightly.rewards.grader import JudgmentReward
    from rightly.rewards.rule import RewardRule
    from rightly.training.judge.run import TrainedJudge
    from rightly.training.reward_model.result import TrainedRewardModel

from rightly.api.measuring import Pairs, several


def train_reward_model(
    *,
    base: str,
    train: Pairs | Sequence[str],
    output: str | Path,
    eval: Mapping[str, Pairs] | None = None,
    recipe: str | Path | None = None,
    **tables: Any,
) -> "TrainedRewardModel":
    """Train a scalar reward model; an interrupted run resumes from its last complete checkpoint.

    Args:
        base: Folder or hub id of the model to train.
        train: Labelled pairs, or several sources of them.
        output: Folder for the checkpoints, the model and its card.
        eval: Named evaluation sets; the first is the main one.
        recipe: A recipe (TOML) that provides all other tables.
        tables: Tables of a recipe: ``trainer={"learning_rate": 1e-5}``, ``loss={...}``, ``adjust={...}``...

    Returns:
        The model's metrics (``results``), and the model itself: ``rewards(prompt, responses)``.

    Raises:
        InputError: Data, model or a table are unusable, or the output holds a run of another recipe.
    """
    with needs_extra("training", "train"):
        from rightly.training.reward_model.recipe import RewardRecipe
        from rightly.training.reward_model.run import train_reward_model as run
    data: dict[str, Any] = {"train": _sources(train)}
    if eval is not None:
        data["eval"] = dict(eval)
    given = {"output": str(output), "model": {"name": str(base)}, "data": data}
    return run(
        check_recipe(RewardRecipe, merged_tables(_table(recipe), given, tables), str(recipe or "train_reward_model"))
    )


def train_judge(
    *,
    base: str,
    train: Pairs | Sequence[str],
    output: str | Path,
    matcher: str | None = None,
    reward: "RewardRule | JudgmentReward | None" = None,
    recipe: str | Path | None = None,
    **tables: Any,
) -> "TrainedJudge":
    """Train a judge (generative reward model) with GRPO, for a right verdict and reasons that match the human ones.

    Args:
        base: Folder or hub id of a causal language model with a chat template.
        train: Labelled pairs with human reasons, or several sources of them.
        output: Folder for the checkpoints, the judge and the records of its training.
        matcher: Spec of the matcher, such as ``local:FOLDER`` of a trained matcher.
        reward: Rule that combines verdict and matches to a reward; by default average precision x outcome.
        recipe: A recipe (TOML) that provides all other tables.
        tables: Tables of a recipe: ``grpo={"max_steps": 200}``, ``warmup={...}``, ``audit={...}``...

    Raises:
        InputError: Data, model, matcher or a table are unusable, or the output holds a run of another recipe.
    """
    with needs_extra("training", "genrm"):
        from rightly.rewards.rule import RewardRule
        from rightly.training.judge.recipe import GenrmRecipe
        from rightly.training.judge.run import train_judge as run
    given: dict[str, Any] = {
        "output": str(output),
        "model": {"name": str(base)},
        "data": {"train": _sources(train)},
        "grpo": {},
    }
    if reward is not None:
        rule = reward if isinstance(reward, RewardRule) else reward.rule
        given["reward"] = rule.model_dump()
        spec = None if isinstance(reward, RewardRule) else reward.matcher
        if spec is not None and not isinstance(spec, str):
            raise InputError(
                "a judge is trained in several processes, and each builds its own matcher", fix="give a matcher spec"
            )
        matcher = matcher or spec
    if matcher is not None:
        given["matcher"] = {"spec": matcher}
    merged = merged_tables(_table(recipe), given, tables)
    return run(check_recipe(GenrmRecipe, merged, str(recipe or "train_judge")), default_cache())


def serve(
    *,
    models: str | Path | Sequence[str | Path] = (),
    judge: str | Judge | None = None,
    events: Events = SILENT,
    **options: Any,
) -> None:
    """Serve reward models and a pairwise judge over HTTP, until interrupted.

    Args:
        models: Folders or hub ids of reward models; several form an ensemble.
        judge: Judge for ``/v1/judge``.
        events: Listener that is notified when the server is ready.
        options: Further fields of `ServeConfig`: ``host``, ``port``, ``std_penalty``...

    Raises:
        InputError: No model and no judge is given, or a model cannot be loaded.
    """
    given = {"models": tuple(map(str, several(models))), "judge": judge, **options}
    serve_job.run(configured(ServeConfig, given), events)


def _sources(train: Pairs | Sequence[str]) -> tuple[Any, ...]:
    """One source, or several files."""
    if isinstance(train, str | Path):
        return (str(train),)
    given = list(train)
    return tuple(given) if given and all(isinstance(each, str) for each in given) else (given,)


def _table(recipe: str | Path | None) -> dict[str, Any]:
    return {} if recipe is None else read_table(recipe)
