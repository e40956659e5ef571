"""Scores, training and the diagnosis of scalar reward models in the terminal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from rightly.reward_models.doctor import Diagnosis
    from rightly.reward_models.margins import ModelScores
    from rightly.training.reward_model.result import TrainedRewardModel


def print_scores(results: "Mapping[str, ModelScores]", console: Console) -> None:
    """Accuracy and margins of every model on the labelled pairs."""
    table = Table(box=None, pad_edge=False)
    for head in ("model", "labelled", "accuracy [95%]", "margin", "length correlation"):
        table.add_column(head, justify="left" if head == "model" else "right", overflow="fold")
    for name, scores in results.items():
        found = scores.metrics
        if found is None:
            table.add_row(name, "0", "-", "-", "-")
            continue
        interval = "" if found.accuracy_low is None else f" [{found.accuracy_low:.3f}, {found.accuracy_high:.3f}]"
        correlation = "-" if found.length_correlation is None else f"{found.length_correlation:+.2f}"
        margin = f"{found.margin_mean:.2f} ± {found.margin_sd:.2f}"
        table.add_row(name, f"{found.n:,}", f"{found.accuracy:.3f}{interval}", margin, correlation)
    console.print(table)
    for name, scores in results.items():
        if scores.no_difference:
            console.print(
                f"pairs without a difference to {name}: {scores.no_difference:,} (the same tokens: identical, or identical "
                "up to its maximum length); their margin is 0 and they are in none of the figures"
            )


def print_trained(trained: "TrainedRewardModel", console: Console) -> None:
    """What became of the pairs, and the metrics of every evaluation set."""
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


def print_diagnosis(found: "Diagnosis", console: Console) -> None:
    """Every way of scoring against one text at a time, the findings and what to do about them."""
    if found.architecture is not None:
        contract = "with" if found.contract else "without"
        console.print(escape(f"{found.model}: {found.architecture}, {found.dtype}, {contract} a token contract"))
        table = Table(box=None, pad_edge=False)
        table.add_column("against one text at a time")
        table.add_column("largest difference", justify="right")
        table.add_column("order flips", justify="right")
        table.add_column("")
        for path in found.paths:
            largest = "-" if path.largest is None else f"{path.largest:.2g}"
            verdict = "same" if path.agrees else "[red]differs[/red]" if path.applicable else "not applicable"
            table.add_row(escape(path.name), largest, str(path.order_flips), verdict)
        console.print(table)
    colours = {"error": "red", "warning": "yellow", "note": "dim"}
    for finding in found.findings:
        colour = colours[finding.severity]
        console.print(
            f"[{colour}]{finding.severity}[/{colour}] {finding.kind}: {escape(finding.problem)}", soft_wrap=True
        )
        if finding.cure:
            console.print(f"  cure: {escape(finding.cure)}", soft_wrap=True)
    console.print("no error found" if found.healthy else "[red]do not rely on its rewards before this is mended[/red]")
