"""How a source of pairs is read, in the terminal."""

from rich.console import Console
from rich.markup import escape

from rightly.data.inspection import Inspection
from rightly.types import PreferencePair

_LONGEST = 200


def print_inspection(found: Inspection, console: Console) -> None:
    """The family, the counts, the first pair, the ignored columns, the refused rows."""
    family = f"read as {found.family}" if found.family else "not recognised"
    console.print(escape(f"{found.source}: {family}, {found.pairs:,} of {found.rows:,} rows are pairs"), soft_wrap=True)
    kinds = {
        "labelled": found.labelled,
        "ties": found.ties,
        "unlabelled": found.unlabelled,
        "with more than two responses": found.several,
        "with human reasons": found.with_rationales,
        "with votes": found.with_votes,
    }
    console.print("  " + ", ".join(f"{count:,} {kind}" for kind, count in kinds.items() if count or kind == "labelled"))
    if found.first is not None:
        _print_pair(found.first, console)
    if found.ignored:
        listed = ", ".join(f"{name} ({count:,} rows)" for name, count in found.ignored.items())
        console.print(escape(f"ignored columns: {listed}"), soft_wrap=True)
    if found.refused:
        console.print(f"[red]{found.refused:,} rows cannot be read[/red]; the first:")
        for problem in found.problems:
            console.print(escape(f"  {problem}"), soft_wrap=True)


def _print_pair(pair: PreferencePair, console: Console) -> None:
    console.print("the first pair:")
    lines = [f"{message.role}: {message.content}" for message in pair.context]
    lines += [f"response {name}: {text}" for name, text in zip(pair.choices, pair.responses, strict=False)]
    lines.append(f"label: {pair.label}")
    lines += [f"reason: {rationale.text}" for rationale in pair.rationales[:2]]
    for line in lines:
        shown = " ".join(line.split())
        console.print(escape(f"  {shown[:_LONGEST]}{'…' if len(shown) > _LONGEST else ''}"), soft_wrap=True)
