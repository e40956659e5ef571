"""``rightly report``: score the records of an audit again, without a call."""

from pathlib import Path

import click

from rightly.cli.audit import show_audit
from rightly.cli.console import ConsoleEvents
from rightly.jobs.audit import rescore

EXAMPLES = """
\b
Examples:
  rightly report audit
  rightly report audit --spurious-below 0.5
"""


@click.command(name="report", epilog=EXAMPLES)
@click.argument("out", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--spurious-below", type=click.FloatRange(0, 1), help="Another threshold for right but spurious.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
def command(out: Path, spurious_below: float | None, as_json: bool) -> None:
    """Score the records of the audit in DIR again and write its report; no model is asked or loaded."""
    show_audit(rescore(out, spurious_below, ConsoleEvents()), as_json=as_json)
