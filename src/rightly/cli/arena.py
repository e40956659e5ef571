"""``rightly arena``: answers of a model against a baseline's (Arena-Hard), judged here or elsewhere."""

from typing import Any

import click

from rightly.cli.options import configured, echo_json, run_options

EXAMPLES = """
\b
Examples:
  rightly arena judge --answers mine.jsonl --baseline o3-mini.jsonl --judge openai:gpt-4.1?temperature=0 --out run
  rightly arena show model_judgment/gpt-4.1/mine.jsonl --answers mine.jsonl --baseline o3-mini.jsonl
"""

_ANSWERS = click.option("--answers", required=True, metavar="FILE", help="The model's answers (model_answer/*.jsonl).")
_BASELINES = click.option("--baseline", "baselines", multiple=True, required=True, metavar="FILE",
                          help="A baseline's answers; repeat where categories have their own.")  # fmt: skip
_FEATURES = click.option("--control", "features", multiple=True, type=click.Choice(["tokens", "headers", "lists", "bold"]),
                         help="Style that is controlled; repeat.  [default: all four]")  # fmt: skip


@click.group(name="arena", epilog=EXAMPLES)
def command() -> None:
    """Arena-Hard: scores with intervals by question, style controlled, upstream's interval beside them."""


@command.command(name="judge")
@_ANSWERS
@_BASELINES
@click.option("--questions", metavar="FILE", help="question.jsonl, for the categories.")
@click.option("--judge", "judges", required=True, multiple=True, metavar="SPEC", help="The judge.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N questions.")
@click.option("--max-reasons", type=click.IntRange(1, 50), default=5, show_default=True, help="Reasons to ask for.")
@_FEATURES
@run_options
def judge(**values: Any) -> None:
    """Judge a model's answers against a baseline's in both orders, with our prompt: verdicts are never strong ones."""
    from rightly.cli.arena_run import ArenaConfig, judge_arena

    config = configured(ArenaConfig, values)
    _print(judge_arena(config), config.as_json)


@command.command(name="show")
@click.argument("judgments")
@click.option("--answers", metavar="FILE", help="The model's answers, for style control.")
@click.option("--baseline", "baselines", multiple=True, metavar="FILE", help="A baseline's answers; repeat.")
@_FEATURES
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of upstream's interval.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
def show(as_json: bool, **values: Any) -> None:
    """Score an upstream JUDGMENTS file (model_judgment/JUDGE/MODEL.jsonl)."""
    from rightly.cli.arena_run import show_arena

    _print(show_arena(**values), as_json)


def _print(result: Any, as_json: bool) -> None:
    from rich.console import Console

    from rightly.reports.bench import print_arena

    if as_json:
        echo_json(result)
    else:
        print_arena(result, Console())
