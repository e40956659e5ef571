"""``rightly report``: score the records of an audit again, without a call."""

from pathlib import Path
from typing import Any

import click

from rightly.cli.options import echo_json

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
    """Write the report of the audit in DIR anew from its records."""
    from rightly.cli.auditing import audit, stored_audit

    changes: dict[str, Any] = {} if spurious_below is None else {"spurious_below": spurious_below}
    stored = stored_audit(out)
    result = audit(stored.config.model_copy(update=changes), cast=stored.cast, quiet=as_json)
    if as_json:
        echo_json(result)
