"""``rightly arena``: answers of a model against a baseline's (Arena-Hard), judged here or elsewhere."""

from typing import TYPE_CHECKING

import click

from rightly.cli.console import ConsoleEvents
from rightly.cli.options import echo_json, takes
from rightly.jobs import arena

if TYPE_CHECKING:
    from rightly.benchmarks.arena_hard import ArenaResult

EXAMPLES = """
\b
Examples:
  rightly arena judge --answers mine.jsonl --baseline o3-mini.jsonl --judge openai:gpt-4.1?temperature=0 --out run
  rightly arena show model_judgment/gpt-4.1/mine.jsonl --answers mine.jsonl --baseline o3-mini.jsonl
"""


@click.group(name="arena", epilog=EXAMPLES)
def command() -> None:
    """Arena-Hard: scores with intervals by question, style controlled, upstream's interval beside them."""


@command.command(name="judge")
@takes(arena.ArenaConfig)
def judge(config: arena.ArenaConfig, as_json: bool) -> None:
    """Judge a model's answers against a baseline's in both orders, with our prompt: verdicts are never strong ones."""
    _print(arena.run(config, ConsoleEvents()), as_json)


@command.command(name="show")
@takes(arena.StoredArenaConfig)
def show(config: arena.StoredArenaConfig, as_json: bool) -> None:
    """Score an upstream JUDGMENTS file."""
    _print(arena.run_stored(config), as_json)


def _print(result: "ArenaResult", as_json: bool) -> None:
    from rich.console import Console

    from rightly.reports.bench import print_arena

    if as_json:
        echo_json(result)
    else:
        print_arena(result, Console())
