"""``rightly strength``: what the score differences of reward models say of every preference pair."""

import click

from rightly.cli.console import ConsoleEvents
from rightly.cli.options import echo_json, takes
from rightly.jobs import strength

EXAMPLES = """
\b
Examples:
  rightly strength pairs.jsonl --train 10 --out strength                 # cross-fitted heads over frozen features
  rightly strength Anthropic/hh-rlhf#train --train 5 --ensemble lora --base Qwen/Qwen3-0.6B --out strength
  rightly strength pairs.jsonl --model org/rm1 --model org/rm2 --out strength
  rightly strength fnlp/hh-rlhf-strength-cleaned#train --out strength    # scores that the data set carries
  rightly strength --scores scores.parquet --out strength                # ten million rows, no texts needed
Run the same command again and nothing is trained or scored twice.
"""


@click.command(name="strength", epilog=EXAMPLES)
@takes(strength.StrengthConfig)
def command(config: strength.StrengthConfig, as_json: bool) -> None:
    """Measure the preference strength of PAIRS and diagnose them.

    Writes DIR/strength.parquet (strength, std, probability that the label is right, class, terms of the loss),
    DIR/strength.json (figures, conflicts) and DIR/report.html.
    """
    from rightly.reports.strength_html import write_strength_report
    from rightly.reports.strength_terminal import print_strength

    found = strength.run(config, ConsoleEvents())
    summary = found.summary
    write_strength_report(config.out, summary.model_dump(mode="json"), config.load)
    if as_json:
        echo_json(summary)
        return
    print_strength(summary.models, summary.diagnosis, summary.conflict_counts, summary.held_out)
    click.echo(f"table: {found.table}, report: {config.out / 'report.html'}")
