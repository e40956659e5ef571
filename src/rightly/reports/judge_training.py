"""The training of a judge in the terminal."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from rightly.reports.dynamics import FIGURES
from rightly.reports.numbers import decimal

if TYPE_CHECKING:
    from rightly.rewards.rule import RewardRule
    from rightly.training.judge.data import PairCounts


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


def pair_counts_sentence(counts: "PairCounts") -> str:
    """What became of the pairs."""
    return (
        f"{counts.used:,} of {counts.read:,} pairs used: {counts.unlabelled:,} without a label or tied, "
        f"{counts.without_reasons:,} without reasons, {counts.held_out:,} held out"
    )


def reward_sentence(rule: "RewardRule") -> str:
    """The reward that a judge was trained on."""
    said = f"Reward: {rule.compose}" + ("" if rule.compose == "outcome" else f" of outcome and {rule.agreement}")
    extra = [
        f"{name.replace('_', ' ')} {value:g}"
        for name, value in (("follow", rule.follow), ("point_cost", rule.point_cost), ("token_cost", rule.token_cost))
        if value
    ]
    return f"{', '.join([said, *extra])}."
