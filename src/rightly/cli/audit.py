"""``rightly audit``: outcome accuracy and rationale consistency of judges, side by side."""

from typing import Any

import click

from rightly.cli.options import configured, echo_json, input_options, run_options

EXAMPLES = """
\b
Examples:
  rightly audit sample:ukpconvarg1 --judge longer --judge annotator --matcher lexical --out audit
  rightly audit pairs.jsonl --judge openai:gpt-4.1 --matcher openai:gpt-4.1-mini?temperature=0 --out audit
  rightly audit nvidia/HelpSteer3:preference#validation --limit 500 --judge hf:./my-genrm \\
      --atomiser openai:gpt-4.1?max_tokens=2048 --matcher openai:gpt-4.1?max_tokens=2048 \\
      --price gpt-4.1=2,8 --budget 20 --out audit
"""


@click.command(name="audit", epilog=EXAMPLES)
@click.argument("pairs")
@click.option("--judge", "judges", multiple=True, required=True, metavar="SPEC", help="A judge; repeat for several.")
@click.option("--matcher", required=True, metavar="SPEC", help="Who matches the reasons: a model, lexical, embedding.")
@click.option("--atomiser", default="given", show_default=True, metavar="SPEC", help="Who splits human feedback.")
@click.option(
    "--max-reasons", type=click.IntRange(1, 50), default=5, show_default=True, help="A list is cut to so many."
)
@click.option(
    "--spurious-below",
    type=click.FloatRange(0, 1),
    default=0.25,
    show_default=True,
    help="Right verdict, consistency below this: right for the wrong reasons.",
)
@input_options
@run_options
def command(**values: Any) -> None:
    """Measure judges on PAIRS (a file, a hub id, or sample:NAME) with human rationales.

    Judges: longer, shorter, first, annotator, openai:MODEL, hf:PATH, vllm:PATH, replay:FILE, panel:SPEC+SPEC.
    Options of a model follow a question mark: openai:MODEL?temperature=0&max_tokens=4096&orders=single.
    """
    from rightly.cli.auditing import AuditConfig, audit

    as_json = values["as_json"]
    result = audit(configured(AuditConfig, values), quiet=as_json)
    if as_json:
        echo_json(result)
