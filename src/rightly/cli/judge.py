"""``rightly judge``: put pairs before judges and keep every judgment."""

import json
from typing import Any

import click

from rightly.cli.options import configured, echo_json, input_options, run_options
from rightly.types import Frozen

EXAMPLES = """
\b
Examples:
  rightly judge pairs.jsonl --judge longer --out run
  rightly judge pairs.parquet --judge openai:gpt-4.1?temperature=0 --limit 100 --out run
  OPENAI_BASE_URL=http://localhost:8000/v1 rightly judge nvidia/HelpSteer3:preference#validation \\
      --judge openai:my-model --out run
"""


@click.command(name="judge", epilog=EXAMPLES)
@click.argument("pairs")
@click.option("--judge", "judges", multiple=True, required=True, metavar="SPEC", help="A judge; repeat for several.")
@click.option("--max-reasons", type=click.IntRange(1, 50), default=5, show_default=True, help="Reasons to ask for.")
@input_options
@run_options
def command(**values: Any) -> None:
    """Judge PAIRS (a file, a hub id, or sample:NAME); a file larger than memory streams through.

    Every judgment is a line of DIR/judgments.jsonl: verdict or named failure, reasons, raw answer, tokens.
    """
    from rich.console import Console

    from rightly.cli.asking import (
        AskConfig,
        answer_cache,
        build_judges,
        echo_lines,
        require_answers,
        run_and_close,
        spending,
    )
    from rightly.cli.estimate import asked_of_judges, estimate_lines, sample
    from rightly.cli.progress import progress
    from rightly.inference.book import LEDGER
    from rightly.judges.collect import collect_judgments
    from rightly.judges.tally import JudgeTally, LabelIndex
    from rightly.reports.terminal import print_tallies
    from rightly.store.run_folder import RunFolder
    from rightly.types import Judgment

    class Tallies(Frozen):
        judges: tuple[JudgeTally, ...]

    config = configured(AskConfig, values)
    account = config.account()
    identity = {"verb": "judge", "seed": config.seed, "max_reasons": config.max_reasons} | config.identity()
    folder = RunFolder(
        config.out,
        identity,
        owns=("judgments.jsonl", "summary.json"),
        ledger=LEDGER,
        inputs=(config.pairs, config.cache),
        fresh=not config.resume,
    )
    folder.settings = json.loads(config.model_dump_json())
    with answer_cache(config.cache) as cache:
        judges = build_judges(config.builder(cache, account), config.judges)
        labels = LabelIndex([judge.identity for judge in judges])
        with spending(account, folder), folder.records("judgments", Judgment) as records:
            pairs, looked = labels.watch(config.load()), sample(config.load())
            echo_lines(estimate_lines(asked_of_judges(judges, looked), len(looked), config.limit, account))
            with progress(account) as stage:
                run_and_close(collect_judgments(pairs, judges, records, stage("judging", None)), *judges)
            tallies = Tallies(judges=tuple(labels.tally(records)))
    require_answers(account, "judge", [end for tally in tallies.judges for end in tally.ends()])
    folder.write("summary.json", tallies)
    if config.as_json:
        echo_json(tallies)
    else:
        print_tallies(tallies.judges, Console())
