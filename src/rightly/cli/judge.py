"""``rightly judge``: put pairs before judges and keep every judgment."""

import click

from rightly.cli.console import ConsoleEvents
from rightly.cli.options import echo_json, takes
from rightly.jobs import judge

EXAMPLES = """
\b
Examples:
  rightly judge pairs.jsonl --judge longer --out run
  rightly judge pairs.parquet --judge openai:gpt-4.1?temperature=0 --limit 100 --out run
  OPENAI_BASE_URL=http://localhost:8000/v1 rightly judge nvidia/HelpSteer3:preference#validation \\
      --judge openai:my-model --out run
"""


@click.command(name="judge", epilog=EXAMPLES)
@takes(judge.JudgeConfig)
def command(config: judge.JudgeConfig, as_json: bool) -> None:
    """Judge PAIRS; a file larger than memory streams through.

    Every judgment is a line of DIR/judgments.jsonl: verdict or named failure, reasons, raw answer, tokens.
    """
    from rich.console import Console

    from rightly.reports.terminal import print_tallies

    tallies = judge.run(config, ConsoleEvents()).tallies
    if as_json:
        echo_json(tallies)
    else:
        print_tallies(tallies.judges, Console())
