"""``rightly train``: a scalar or a generative reward model, or a matcher, from a recipe."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rightly.training.reward_model.result import TrainedRewardModel

EXAMPLES = """
\b
Examples:
  rightly train rm recipes/rm_plain.toml
  rightly train rm recipes/rm_plain.toml --set model.name=Qwen/Qwen3-0.6B --set trainer.learning_rate=1e-5
  accelerate launch --config_file recipes/accelerate/fsdp2.yaml -m rightly.cli train rm recipes/rm_plain.toml
Run the same command again and an interrupted run goes on from its last whole checkpoint.
"""

MATCHER_EXAMPLES = """
\b
Examples:
  rightly train matcher recipes/matcher.toml
  rightly matcher-check --matcher local:runs/matcher
"""


GENRM_EXAMPLES = """
\b
Examples:
  rightly train genrm recipes/genrm_world.toml
  rightly train genrm recipes/genrm_world.toml --set reward.agreement=ap-hard --set output=runs/ap
  accelerate launch --config_file recipes/accelerate/fsdp2.yaml -m rightly.cli train genrm recipes/genrm_paper.toml
  rightly train genrm recipes/genrm_paper.toml --launch launch/verl
Run the same command again and an interrupted run goes on from its last whole checkpoint.
"""


@click.group(name="train")
def command() -> None:
    """Train reward models, scalar and generative, and matchers."""


@command.command(name="rm", epilog=EXAMPLES)
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a value of the recipe; repeat.")
def reward_model(recipe: Path, changes: tuple[str, ...]) -> None:
    """Train the scalar reward model of RECIPE (TOML)."""
    from rightly.errors import MissingExtraError
    from rightly.training.reward_model.recipe import read_recipe

    parsed = read_recipe(recipe, changes)
    try:
        from rightly.training.reward_model.run import train_reward_model
    except ImportError as error:
        raise MissingExtraError(f"training (no module {error.name})", "train") from None
    _report(train_reward_model(parsed))


@command.command(name="matcher", epilog=MATCHER_EXAMPLES)
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a value of the recipe; repeat.")
def matcher(recipe: Path, changes: tuple[str, ...]) -> None:
    """Train the matcher of RECIPE (TOML): a small encoder that says whether two reasons are the same point."""
    from rightly.errors import MissingExtraError
    from rightly.training.common.recipe import check_recipe, read_table

    try:
        from rightly.training.matcher.recipe import MatcherRecipe
        from rightly.training.matcher.run import train_matcher
    except ImportError as error:
        raise MissingExtraError(f"training (no module {error.name})", "train") from None
    trained = train_matcher(check_recipe(MatcherRecipe, read_table(recipe, changes), str(recipe)))
    click.echo(f"{sum(trained.card.sources.values()):,} rows:")
    for name, count in trained.card.sources.items():
        click.echo(f"  {count:>7,}  {name}")
    accepted = ", ".join(f"{kind} {share:.2f}" for kind, share in trained.accepted.items())
    click.echo(f"accepted at {trained.card.operating_point} on the calibration set: {accepted}")
    click.echo(f"matcher: local:{trained.folder}")


@command.command(name="genrm", epilog=GENRM_EXAMPLES)
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a value of the recipe; repeat.")
@click.option(
    "--launch", type=click.Path(path_type=Path), metavar="DIR", help="Write a launch folder for verl instead."
)
def generative(recipe: Path, changes: tuple[str, ...], launch: Path | None) -> None:
    """Train the generative reward model of RECIPE (TOML): imitate judgments, then reward those right for the right reasons."""
    from rightly.errors import MissingExtraError
    from rightly.training.common.recipe import check_recipe, read_table

    try:
        from rightly.cli.genrm_run import launch_folder, train
        from rightly.training.judge.recipe import GenrmRecipe
    except ImportError as error:
        raise MissingExtraError(f"training (no module {error.name})", "genrm") from None
    parsed = check_recipe(GenrmRecipe, read_table(recipe, changes), str(recipe))
    if launch is not None:
        launch_folder(parsed, launch)
    else:
        train(parsed)


def _report(trained: "TrainedRewardModel") -> None:
    from rich.console import Console
    from rich.table import Table

    if os.environ.get("RANK", "0") != "0":
        return
    console = Console()
    for name, counts in trained.counts.items():
        left_out = (
            f"{counts.unlabelled} unlabelled, {counts.ties} ties, {counts.no_difference} without a difference left out"
        )
        console.print(
            f"{name}: {counts.used:,} of {counts.read:,} pairs used, {left_out}, {counts.truncated:,} truncated"
        )
    table = Table(box=None, pad_edge=False)
    for head in ("set", "pairs", "accuracy [95%]", "NLL", "Brier", "ECE", "length correlation"):
        table.add_column(head, justify="left" if head == "set" else "right")
    for name, found in trained.results.items():
        interval = "" if found.accuracy_low is None else f" [{found.accuracy_low:.3f}, {found.accuracy_high:.3f}]"
        correlation = "-" if found.length_correlation is None else f"{found.length_correlation:+.2f}"
        scores = (f"{value:.3f}" for value in (found.nll, found.brier, found.ece))
        table.add_row(name, f"{found.n:,}", f"{found.accuracy:.3f}{interval}", *scores, correlation)
    if trained.results:
        console.print(table)
    console.print(f"model, card and figures: {trained.folder}")
