"""``rightly train``: train a scalar or a generative reward model, or a matcher, from a recipe."""

import os
import shlex
from typing import TYPE_CHECKING

import click

from rightly.cli.options import takes
from rightly.jobs import train

if TYPE_CHECKING:
    from rightly.training.judge.recipe import GenrmRecipe
    from rightly.training.judge.run import TrainedJudge

EXAMPLES = """
\b
Examples:
  rightly train rm recipes/rm_plain.toml
  rightly train rm recipes/rm_plain.toml --set model.name=Qwen/Qwen3-0.6B --set trainer.learning_rate=1e-5
  accelerate launch --config_file recipes/accelerate/fsdp2.yaml -m rightly train rm recipes/rm_plain.toml
To resume an interrupted run from its last complete checkpoint, run the same command again.
"""

MATCHER_EXAMPLES = """
\b
Examples:
  rightly train matcher recipes/matcher_minilm.toml
  rightly matcher-check --matcher local:runs/matcher_minilm
To resume an interrupted run from its last complete checkpoint, run the same command again.
"""


GENRM_EXAMPLES = """
\b
Examples:
  rightly train genrm recipes/genrm_world.toml
  rightly train genrm recipes/genrm_world.toml --set reward.agreement=ap-hard --set output=runs/ap
  accelerate launch --config_file recipes/accelerate/fsdp2.yaml -m rightly train genrm recipes/genrm_paper.toml
  rightly train genrm recipes/genrm_paper.toml --launch launch/verl
To resume an interrupted run from its last complete checkpoint, run the same command again.
"""


@click.group(name="train")
def command() -> None:
    """Train reward models, scalar and generative, and matchers."""


@command.command(name="rm", epilog=EXAMPLES)
@takes(train.TrainConfig, as_json=False)
def reward_model(config: train.TrainConfig) -> None:
    """Train the scalar reward model of RECIPE."""
    from rich.console import Console

    from rightly.reports.reward_terminal import print_trained

    trained = train.run_reward_model(config)
    if _is_first_process():
        print_trained(trained, Console())


@command.command(name="matcher", epilog=MATCHER_EXAMPLES)
@takes(train.TrainConfig, as_json=False)
def matcher(config: train.TrainConfig) -> None:
    """Train the matcher of RECIPE: a small model that decides whether two reasons make the same point."""
    trained = train.run_matcher(config)
    click.echo(f"{sum(trained.card.sources.values()):,} rows:")
    for name, count in trained.card.sources.items():
        click.echo(f"  {count:>7,}  {name}")
    accepted = ", ".join(f"{kind} {share:.2f}" for kind, share in trained.accepted.items())
    click.echo(f"accepted at {trained.card.same.operating_point} on the calibration set: {accepted}")
    click.echo(f"matcher: local:{trained.folder}")


@command.command(name="genrm", epilog=GENRM_EXAMPLES)
@takes(train.TrainJudgeConfig, as_json=False)
def generative(config: train.TrainJudgeConfig) -> None:
    """Train the generative reward model of RECIPE: imitate judgments, then reward right verdicts with the right reasons."""
    recipe = train.judge_recipe(config)
    if config.launch is not None:
        left_out = train.write_launch(recipe, config.launch)
        if left_out:
            click.echo(f"settings not transferred (verl has its own, or none): {', '.join(left_out)}")
        click.echo(f"start with: NODES=1 GPUS=8 {shlex.quote(str(config.launch / 'run.sh'))}")
        return
    trained = train.run_judge(recipe)
    if _is_first_process():
        _show_judge(trained, recipe)


def _show_judge(trained: "TrainedJudge", recipe: "GenrmRecipe") -> None:
    from rich.console import Console

    from rightly.reports.dynamics import write_dynamics
    from rightly.reports.judge_training import pair_counts_sentence, print_dynamics, reward_sentence

    console, counted = Console(), pair_counts_sentence(trained.counts)
    console.print(counted)
    if trained.dynamics:
        report, runs = trained.folder / "report.html", {"run": trained.dynamics}
        write_dynamics(report, f"Training of {trained.folder.name}", runs, [reward_sentence(recipe.reward), counted])
        print_dynamics(console, runs)
        console.print(f"report: {report}")
    console.print(f"model: {trained.folder}  (rightly judge PAIRS --judge {shlex.quote(f'hf:{trained.folder}')})")


def _is_first_process() -> bool:
    return os.environ.get("RANK", "0") == "0"
