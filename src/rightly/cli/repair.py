"""``rightly repair``: a data set mended by its preference strength or by people's decisions, with an audit and a way back."""

import click

from rightly.cli.console import ConsoleEvents
from rightly.cli.options import echo_json, takes
from rightly.jobs import repair

EXAMPLES = """
\b
Examples:
  rightly repair pairs.jsonl --strength strength/strength.parquet --out repaired.jsonl       # suspects are left out
  rightly repair pairs.jsonl --preset weight --strength strength/strength.parquet --out repaired.jsonl
  rightly repair pairs.jsonl --decisions decisions.jsonl --out repaired.jsonl
  rightly repair pairs.jsonl --strength s/strength.parquet --format chosen-rejected --out trl.jsonl
  rightly repair repaired.jsonl --undo repaired.jsonl.audit.jsonl --out pairs-again.jsonl
"""


@click.command(name="repair", epilog=EXAMPLES)
@takes(repair.RepairConfig)
def command(config: repair.RepairConfig, as_json: bool) -> None:
    """Write PAIRS as their strength, or a reviewer, says they should be.

    Says how many of the labels that it changes or leaves out are wrong, with a 95% interval.

    Beside FILE lies FILE.audit.jsonl, one line a change: why, before, after. Repairing twice changes nothing more.
    """
    counts = repair.run(config, ConsoleEvents())
    if as_json:
        echo_json(counts)
        return
    if config.undo is not None:
        click.echo(f"{counts.written:,} pairs as they were: {config.out}")
        return
    click.echo(
        f"{counts.read:,} pairs: {counts.flipped:,} flipped, {counts.reweighed:,} reweighed, {counts.dropped:,} left out; "
        f"{counts.exported:,} written to {config.out}"
    )
    if counts.no_difference:
        click.echo(f"{counts.no_difference:,} pairs without a difference to any model stay as they are")
    if counts.effect is not None:
        click.echo(f"{counts.effect.sentence} (95% interval)")
    click.echo(f"audit: {config.audit}")
