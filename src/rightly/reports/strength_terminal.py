"""The summary of a measurement of preference strength in the terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from rightly.preferences.pair_classes import CLASSES, Diagnosis
from rightly.reports.numbers import ratio
from rightly.reports.strength_words import strength_sentences


def print_strength(
    models: Sequence[str], found: Diagnosis, conflicts: Mapping[str, int], held_out: bool | None
) -> None:
    """The figures of a measurement of preference strength.

    Args:
        models: Names of the reward models.
        found: The diagnosis.
        conflicts: Number of conflicts of each kind.
        held_out: Whether no model scored a pair that it trained on; ``None`` where that is not known.
    """
    console = Console(highlight=False)
    console.print(f"{found.n:,} labelled pairs, {len(models)} models; the models contradict {found.negative:.1%}")
    for line in strength_sentences(found):
        console.print(line)
    if held_out is False:
        console.print("[yellow]strength is in-sample: models have seen these labels, so wrong ones look right[/yellow]")
    classes = Table(box=None, pad_edge=False)
    for head in ("class", "pairs", "rule"):
        classes.add_column(head, justify="right" if head == "pairs" else "left")
    for name in CLASSES:
        classes.add_row(name, f"{found.counts[name]:,}", found.rule.sentences[name])
    console.print(classes)
    deciles = Table(box=None, pad_edge=False)
    for head in ("decile", "pairs", "strength", "right (people)", "right (estimate)", "std"):
        deciles.add_column(head, justify="right")
    for place, each in enumerate(found.deciles, start=1):
        people = "-" if each.people is None else ratio(each.people.right, each.people.low, each.people.high)
        span = f"{each.weakest:+.2f} to {each.strongest:+.2f}"
        deciles.add_row(str(place), f"{each.n:,}", span, people, ratio(*each.right), f"{each.std:.2f}")
    console.print(deciles)
    if conflicts:
        console.print("conflicts: " + ", ".join(f"{n:,} {kind}" for kind, n in sorted(conflicts.items())))
