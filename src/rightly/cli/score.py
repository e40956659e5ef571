"""``rightly score``: rewards and margins of pairs by one or more reward models."""

import click

from rightly.cli.console import ConsoleEvents
from rightly.cli.options import takes
from rightly.jobs import score

EXAMPLES = """
\b
Examples:
  rightly score pairs.jsonl --model Skywork/Skywork-Reward-V2-Qwen3-0.6B --out scores
  rightly score nvidia/HelpSteer3:preference#validation --model run1 --model run2 --dtype bfloat16 --out scores
  accelerate launch -m rightly score pairs.parquet --model run1 --out scores
  ray job submit -- rightly score /shared/pairs.parquet --model /shared/run1 --ray 16 --out /shared/scores
Run the same command again and it goes on where it stopped.
"""


@click.command(name="score", epilog=EXAMPLES)
@takes(score.ScoreConfig, as_json=False)
def command(config: score.ScoreConfig) -> None:
    """Score the responses of PAIRS, two or more each.

    Writes DIR/margins.parquet: for every model the rewards and the margin, the labelled response's reward minus the best
    other's.
    """
    from rich.console import Console

    from rightly.reports.reward_terminal import print_scores

    found = score.run(config, ConsoleEvents())
    if found.models:
        console = Console()
        console.print(found.speed or "everything was scored before")
        print_scores(found.models, console)
        console.print(f"table: {found.table}")
