"""The work behind ``rightly train genrm``: train, write the page of how it went, print where it ended."""

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from rightly.cli.options import default_cache
from rightly.reports.dynamics import FIGURES, write_dynamics
from rightly.reports.numbers import decimal
from rightly.store.run_folder import RunFolder
from rightly.training.judge.recipe import GenrmRecipe
from rightly.training.judge.run import TrainedJudge, train_judge

REPORT = "report.html"


def train(recipe: GenrmRecipe) -> None:
    """Run the recipe and report."""
    trained = train_judge(recipe, default_cache())
    if os.environ.get("RANK", "0") != "0":
        return
    console = Console()
    console.print(_counted(trained))
    if trained.dynamics:
        facts = [_rewarded(recipe), _counted(trained)]
        write_dynamics(trained.folder / REPORT, f"Training of {trained.folder.name}", {"run": trained.dynamics}, facts)
        print_dynamics(console, {"run": trained.dynamics})
        console.print(f"how it went: {trained.folder / REPORT}")
    console.print(f"model: {trained.folder}  (rightly judge PAIRS --judge {shlex.quote(f'hf:{trained.folder}')})")


def launch_folder(recipe: GenrmRecipe, folder: Path) -> None:
    """Write the recipe out for verl."""
    from rightly.training.judge.verl_launch import write_verl_launch

    RunFolder(folder, {"verb": "launch"}, owns=("train.parquet", "reward.py", "run.sh")).begin()
    left = write_verl_launch(recipe, folder)
    console = Console()
    if left:
        console.print(f"not carried over (verl has its own, or none): {', '.join(left)}")
    console.print(f"start with: NODES=1 GPUS=8 {shlex.quote(str(folder / 'run.sh'))}")


def print_dynamics(console: Console, runs: Mapping[str, Sequence[dict[str, Any]]]) -> None:
    """First and last audit of every run, a table for each set."""
    for audited in dict.fromkeys(row["set"] for rows in runs.values() for row in rows):
        table = Table(box=None, pad_edge=False, title=f"pairs: {audited}", title_justify="left")
        for head in ("run", "step", *(figure.short for figure in FIGURES)):
            table.add_column(head, justify="left" if head == "run" else "right", no_wrap=head != "run")
        for name, rows in runs.items():
            found = [row for row in rows if row["set"] == audited]
            for row in dict.fromkeys((0, len(found) - 1)):
                values = (decimal(found[row].get(figure.key), 2) for figure in FIGURES)
                table.add_row(name, str(found[row]["step"]), *values)
        console.print(table)
    console.print("; ".join(f"{figure.short}: {figure.name.lower()}" for figure in FIGURES), style="dim")


def _counted(trained: TrainedJudge) -> str:
    counts = trained.counts
    return (
        f"{counts.used:,} of {counts.read:,} pairs used: {counts.unlabelled:,} without a label or tied, "
        f"{counts.without_reasons:,} without reasons, {counts.held_out:,} held out"
    )


def _rewarded(recipe: GenrmRecipe) -> str:
    rule = recipe.reward
    said = f"Reward: {rule.compose}" + ("" if rule.compose == "outcome" else f" of outcome and {rule.agreement}")
    extra = [
        f"{name.replace('_', ' ')} {value:g}"
        for name, value in (("follow", rule.follow), ("point_cost", rule.point_cost), ("token_cost", rule.token_cost))
        if value
    ]
    return f"{', '.join([said, *extra])}."
