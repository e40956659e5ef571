"""``rightly repair``: a data set mended by its preference strength or by people's decisions, with an audit and a way back."""

from pathlib import Path
from typing import Any

import click

from rightly.cli.options import echo_json, suspect_options
from rightly.preferences.adjust import PRESETS

EXAMPLES = """
\b
Examples:
  rightly repair pairs.jsonl --strength strength/strength.parquet --out repaired.jsonl       # suspects are left out
  rightly repair pairs.jsonl --by weight --strength strength/strength.parquet --out repaired.jsonl
  rightly repair pairs.jsonl --decisions decisions.jsonl --out repaired.jsonl
  rightly repair pairs.jsonl --strength s/strength.parquet --format chosen-rejected --out trl.jsonl
  rightly repair repaired.jsonl --undo repaired.jsonl.audit.jsonl --out pairs-again.jsonl
"""


@click.command(name="repair", epilog=EXAMPLES)
@click.argument("pairs")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The repaired data set.")
@click.option("--by", "preset", type=click.Choice(PRESETS[1:]), default="drop", show_default=True,
              help="What is done. drop and weight change no label; flip, flip+margin and auto flip labels, and are refused "
                   "where the 95% interval allows that they add wrong ones.")  # fmt: skip
@click.option("--force-flip", is_flag=True, help="Flip labels even where that may add wrong ones.")
@click.option("--strength", type=click.Path(path_type=Path), metavar="FILE", help="strength.parquet of this data set.")
@click.option(
    "--decisions", type=click.Path(path_type=Path), metavar="FILE", help="JSON lines of id and label, by people."
)
@suspect_options
@click.option("--smoothing", type=click.FloatRange(0, 0.5), default=0.4, show_default=True)
@click.option(
    "--kappa", type=click.FloatRange(min=0), default=0.5, show_default=True, help="Margin a unit of strength."
)
@click.option("--format", "form", type=click.Choice(["native", "chosen-rejected", "parquet", "hub"]), default="native",
              show_default=True, help="All but native hold chosen, rejected, margin.")  # fmt: skip
@click.option("--columns", metavar="FAMILY", help="Column family of the file, where it cannot be told.")
@click.option("--undo", type=click.Path(path_type=Path), metavar="AUDIT", help="Take a repair back.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON on standard output.")
def command(pairs: str, out: Path, undo: Path | None, as_json: bool, force_flip: bool, **options: Any) -> None:
    """Write PAIRS as their strength, or a reviewer, says they should be.

    Says how many of the labels that it changes or leaves out are wrong, with a 95% interval.

    Beside FILE lies FILE.audit.jsonl, one line a change: why, before, after. Repairing twice changes nothing more.
    """
    from rightly.cli import repair_run
    from rightly.data.load import load_pairs
    from rightly.errors import InputError
    from rightly.preferences.adjust import AdjustRule
    from rightly.store.files import require_new

    audit = out.with_name(out.name + ".audit.jsonl")
    inputs = (pairs, *filter(None, (options["strength"], options["decisions"], undo)))
    for target in (out, audit) if undo is None else (out,):
        require_new(target, inputs)
    if undo is not None:
        count = repair_run.undo(pairs, undo, out)
        click.echo(f"{count:,} pairs as they were: {out}")
        return

    def load() -> Any:
        return load_pairs(pairs, columns=options["columns"])

    if (options["strength"] is None) == (options["decisions"] is None):
        raise InputError("give --strength or --decisions, one of them")
    if options["strength"] is not None:
        names = ("preset", "suspects", "share", "smoothing", "kappa")
        rule = AdjustRule(**{name: options[name] for name in names})
        plan = repair_run.plan_repair(options["strength"], rule, load(), pairs)
        if not force_flip:
            plan.require_harmless()
    else:
        plan = repair_run.plan_decisions(options["decisions"], load)
    counts = repair_run.write_repaired(load(), plan, out, audit, options["form"])
    if as_json:
        echo_json(counts)
        return
    click.echo(
        f"{counts.read:,} pairs: {counts.flipped:,} flipped, {counts.reweighed:,} reweighed, {counts.dropped:,} left out; "
        f"{counts.exported:,} written to {out}"
    )
    if counts.no_difference:
        click.echo(f"{counts.no_difference:,} pairs without a difference to any model stay as they are")
    if counts.effect is not None:
        click.echo(f"{counts.effect.sentence} (95% interval)")
    click.echo(f"audit: {audit}")
