"""``rightly strength``: what the score differences of reward models say of every preference pair."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rightly.cli.options import configured, echo_json, input_options, suspect_options
from rightly.preferences.adjust import PRESETS

if TYPE_CHECKING:
    from rightly.cli.strength_run import StrengthSummary

EXAMPLES = """
\b
Examples:
  rightly strength pairs.jsonl --train 10 --out strength                 # cross-fitted heads over frozen features
  rightly strength Anthropic/hh-rlhf#train --train 5 --by lora --base Qwen/Qwen3-0.6B --out strength
  rightly strength pairs.jsonl --model org/rm1 --model org/rm2 --out strength
  rightly strength fnlp/hh-rlhf-strength-cleaned#train --out strength    # scores that the data set carries
  rightly strength --scores scores.parquet --out strength                # ten million rows, no texts needed
Run the same command again and nothing is trained or scored twice.
"""


@click.command(name="strength", epilog=EXAMPLES)
@click.argument("pairs", required=False)
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Run folder.")
@input_options
@click.option("--model", "models", multiple=True, metavar="NAME", help="Reward model that scores the pairs; repeat.")
@click.option("--train", type=click.IntRange(min=1), default=None, metavar="N", help="Train an ensemble of N members.")
@click.option("--by", "kind", type=click.Choice(["heads", "lora", "checkpoints", "full"]), default="heads", show_default=True,
              help="What of each member is trained, in rising cost.")  # fmt: skip
@click.option("--base", metavar="NAME", help="What members start from.  [default: all-MiniLM-L6-v2]")
@click.option("--folds", type=click.IntRange(min=2), default=5, show_default=True, help="Of the cross-fit.")
@click.option("--in-sample", is_flag=True, help="Score the pairs that were trained on, as the papers do.")
@click.option("--together", type=click.Choice(["context", "domain", "pair"]), default="context", show_default=True,
              help="What folds do not part.")  # fmt: skip
@click.option("--max-length", type=click.IntRange(min=8), default=512, show_default=True, metavar="N", help="Tokens.")
@click.option("--recipe", type=click.Path(path_type=Path), help="Recipe whose tables go over a member's defaults.")
@click.option("--scores", type=click.Path(path_type=Path), help="Parquet of score differences: id, a column a model.")
@click.option("--trusted", type=click.Path(path_type=Path), help="JSON lines of id and label that people have checked.")
@click.option("--trust-votes/--no-trust-votes", default=True, show_default=True,
              help="Let 50 or more votes and --trusted labels make the probabilities, or only compare.")  # fmt: skip
@click.option("--expected-noise", type=click.FloatRange(0, 0.5), metavar="RATE", help="Expected share of wrong labels.")
@click.option("--preset", type=click.Choice(PRESETS), default="auto", show_default=True,
              help="Of target, margin, weight.")  # fmt: skip
@suspect_options
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
@click.option("--resume/--fresh", default=True, help="Go on with what DIR holds (default), or start over.")
def command(out: Path, as_json: bool, resume: bool, **options: Any) -> None:
    """Measure the preference strength of PAIRS and diagnose them.

    Writes DIR/strength.parquet (strength, std, probability that the label is right, class, terms of the loss),
    DIR/strength.json (figures, conflicts) and DIR/report.html.
    """
    from rightly.cli.strength_run import StrengthConfig, run_strength
    from rightly.data.load import rows_named
    from rightly.reports.strength_html import write_strength_report

    values = {name: value for name, value in options.items() if value is not None}
    config = configured(StrengthConfig, values)
    with rows_named([config.pairs] if config.pairs else [], config.columns):
        summary = run_strength(out, config, fresh=not resume, say=lambda line: click.echo(line, err=True))
    write_strength_report(out, summary.model_dump(mode="json"), config.load)
    if as_json:
        echo_json(summary)
    else:
        _report(summary, out)


def _report(summary: "StrengthSummary", out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    from rightly.preferences.diagnosis import CLASSES
    from rightly.reports.numbers import ratio
    from rightly.reports.strength_words import strength_sentences

    found = summary.diagnosis
    console = Console(highlight=False)
    console.print(
        f"{found.n:,} labelled pairs, {len(summary.models)} models; the models contradict {found.negative:.1%}"
    )
    for line in strength_sentences(found):
        console.print(line)
    if summary.held_out is False:
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
    if summary.conflict_counts:
        console.print("conflicts: " + ", ".join(f"{n:,} {kind}" for kind, n in sorted(summary.conflict_counts.items())))
    console.print(f"table: {out / 'strength.parquet'}, report: {out / 'report.html'}")
