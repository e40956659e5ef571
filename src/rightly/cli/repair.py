"""``rightly repair``: repair a data set by preference strength or by human decisions, with an audit trail and undo."""

import click

from rightly.cli.console import ConsoleEvents
from rightly.cli.options import echo_json, takes
from rightly.jobs import repair

EXAMPLES = """
\b
Examples:
  rightly repair pairs.jsonl --strength strength/strength.parquet --out repaired.jsonl       # drops suspects
  rightly repair pairs.jsonl --preset weight --strength strength/strength.parquet --out repaired.jsonl
  rightly repair pairs.jsonl --decisions decisions.jsonl --out repaired.jsonl
  rightly repair pairs.jsonl --strength s/strength.parquet --format chosen-rejected --out trl.jsonl
  rightly repair repaired.jsonl --undo repaired.jsonl.audit.jsonl --out pairs-again.jsonl
"""


@click.command(name="repair", epilog=EXAMPLES)
@takes(repair.RepairConfig)
def command(config: repair.RepairConfig, as_json: bool) -> None:
    """Repair PAIRS by their strength or by a reviewer's decisions.

    Prints how many of the changed or dropped labels are wrong, with a 95% interval.

    FILE.audit.jsonl next to FILE has one line per change: why, before, after. Repairing twice changes nothing more.
    """
    counts = repair.run(config, ConsoleEvents())
    if as_json:
        echo_json(counts)
        return
    if config.undo is not None:
        click.echo(f"{counts.written:,} pairs restored: {config.out}")
        return
    click.echo(
        f"{counts.read:,} pairs: {counts.flipped:,} flipped, {counts.reweighed:,} reweighed, {counts.dropped:,} dropped; "
        f"{counts.exported:,} written to {config.out}"
    )
    if counts.no_difference:
        click.echo(f"{counts.no_difference:,} pairs without a difference for any model are unchanged")
    if counts.effect is not None:
        click.echo(f"{counts.effect.sentence} (95% interval)")
    click.echo(f"audit: {config.audit}")
