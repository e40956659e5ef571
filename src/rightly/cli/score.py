"""``rightly score``: rewards and margins of pairs by one or more reward models."""

from pathlib import Path
from typing import Any

import click

from rightly.cli.options import input_options

EXAMPLES = """
\b
Examples:
  rightly score pairs.jsonl --model Skywork/Skywork-Reward-V2-Qwen3-0.6B --out scores
  rightly score nvidia/HelpSteer3:preference#validation --model run1 --model run2 --dtype bfloat16 --out scores
  accelerate launch -m rightly.cli score pairs.parquet --model run1 --out scores
  ray job submit -- rightly score /shared/pairs.parquet --model /shared/run1 --ray 16 --out /shared/scores
Run the same command again and it goes on where it stopped.
"""


@click.command(name="score", epilog=EXAMPLES)
@click.argument("pairs")
@click.option("--model", "models", multiple=True, required=True, metavar="NAME", help="Folder or hub id; repeat.")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Run folder.")
@input_options
@click.option("--dtype", type=click.Choice(["auto", "float32", "bfloat16"]), default="auto", show_default=True)
@click.option(
    "--max-length", type=click.IntRange(min=8), metavar="N", help="Tokens; else what the model was trained on."
)
@click.option("--tokens-per-batch", type=click.IntRange(min=64), default=8192, show_default=True, metavar="N")
@click.option("--compile", "compiled", is_flag=True, help="Compile the layers: slower to start, then faster.")
@click.option("--no-packing", is_flag=True, help="Padded batches, every prompt computed for every response.")
@click.option("--ray", "ray_workers", type=click.IntRange(min=1), metavar="N", help="Score with N actors of Ray.")
@click.option("--resume/--fresh", default=True, help="Go on with what DIR holds (default), or start over.")
def command(pairs: str, models: tuple[str, ...], out: Path, **options: Any) -> None:
    """Score the responses of PAIRS (a file, a hub id, or sample:NAME), two or more each.

    Writes DIR/margins.parquet: for every model the rewards and the margin, the labelled response's reward minus the best
    other's.
    """
    from rightly.data.load import load_pairs, rows_named
    from rightly.errors import InputError, MissingExtraError

    try:
        from rightly.reward_models.identity import reward_model_fingerprint
        from rightly.reward_models.margins import score_run
        from rightly.reward_models.model import RewardModel
    except ImportError as error:
        raise MissingExtraError(f"scoring (no module {error.name})", "train") from None

    def load() -> Any:
        return load_pairs(pairs, columns=options["columns"], limit=options["limit"])

    def build(name: str) -> RewardModel:
        model = RewardModel.load(
            name, dtype=options["dtype"], max_length=options["max_length"], packed=not options["no_packing"]
        )
        if options["compiled"]:
            model.compile()
        return model

    if len(set(models)) < len(models):
        raise InputError("the same model is named twice", where="--model")
    identity = {"verb": "score", "pairs": pairs, "columns": options["columns"], "limit": options["limit"]}
    meter = _Meter()
    made_by = {
        name: reward_model_fingerprint(name, dtype=options["dtype"], max_length=options["max_length"])
        for name in models
    }
    with rows_named([pairs], options["columns"]):
        results = score_run(
            out,
            load,
            made_by,
            build,
            identity=identity,
            inputs=(pairs, *models),
            tokens_per_batch=options["tokens_per_batch"],
            fresh=not options["resume"],
            ray_workers=options["ray_workers"],
            watch=meter,
        )
    if results:
        _report(results, meter, out)


class _Meter:
    """Counts what this process scores and says so on standard error now and then."""

    def __init__(self) -> None:
        import time

        self.pairs = self.tokens = self.truncated = 0
        self.clock = time.monotonic
        self.begun = self.said = self.clock()

    def __call__(self, scored: Any) -> None:
        self.pairs += 1
        self.tokens += sum(scored.tokens)
        self.truncated += any(scored.truncated)
        if self.clock() - self.said > 5:
            self.said = self.clock()
            click.echo(self.line(), err=True)

    def line(self) -> str:
        seconds = max(self.clock() - self.begun, 1e-9)
        rates = f"{self.pairs / seconds:,.1f} pairs/s, {self.tokens / seconds:,.0f} tokens/s"
        return f"scored {self.pairs:,} pairs, {self.truncated:,} of them truncated; {rates}"


def _report(results: Any, meter: _Meter, out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(meter.line() if meter.pairs else "everything was scored before")
    table = Table(box=None, pad_edge=False)
    for head in ("model", "labelled", "accuracy [95%]", "margin", "length correlation"):
        table.add_column(head, justify="left" if head == "model" else "right", overflow="fold")
    for name, scores in results.items():
        found = scores.metrics
        if found is None:
            table.add_row(name, "0", "-", "-", "-")
            continue
        interval = "" if found.accuracy_low is None else f" [{found.accuracy_low:.3f}, {found.accuracy_high:.3f}]"
        correlation = "-" if found.length_correlation is None else f"{found.length_correlation:+.2f}"
        margin = f"{found.margin_mean:.2f} ± {found.margin_sd:.2f}"
        table.add_row(name, f"{found.n:,}", f"{found.accuracy:.3f}{interval}", margin, correlation)
    console.print(table)
    for name, scores in results.items():
        if scores.no_difference:
            console.print(
                f"pairs without a difference to {name}: {scores.no_difference:,} (the same tokens: identical, or identical "
                "up to its maximum length); their margin is 0 and they are in none of the figures"
            )
    console.print(f"table: {out / 'margins.parquet'}")
