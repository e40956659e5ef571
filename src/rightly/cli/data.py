"""``rightly data``: see how a file of pairs is read, and convert it."""

import click

from rightly.cli.options import echo_json, takes
from rightly.jobs import data_check

EXAMPLES = """
\b
Examples:
  rightly data check pairs.jsonl
  rightly data check nvidia/HelpSteer3:preference#validation --limit 1000
  rightly data convert pairs.parquet --out pairs.jsonl
  rightly data convert checklists.jsonl --labels nvidia/HelpSteer3:preference --out pairs.jsonl
"""


@click.group(name="data", epilog=EXAMPLES)
def command() -> None:
    """See how preference data is read, and convert it to native JSON lines."""


@command.command(name="check")
@takes(data_check.DataCheckConfig)
def check(config: data_check.DataCheckConfig, as_json: bool) -> None:
    """Say what SOURCE is recognised as, show its first pair as read, and list ignored columns and refused rows."""
    from rich.console import Console

    from rightly.reports.data_terminal import print_inspection

    found = data_check.run_check(config)
    if as_json:
        echo_json(found)
    else:
        print_inspection(found, Console(highlight=False))
    if found.refused:
        raise SystemExit(1)


@command.command(name="convert")
@takes(data_check.DataConvertConfig, as_json=False)
def convert(config: data_check.DataConvertConfig) -> None:
    """Write PAIRS as native JSON lines."""
    written = data_check.run_convert(config)
    without = f", {written.unlabelled:,} without a label" if written.unlabelled else ""
    click.echo(f"{written.pairs:,} pairs{without}: {config.out}")
