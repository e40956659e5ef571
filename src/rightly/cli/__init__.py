"""The command line: one file per verb; parse, call one function, print one report."""

import importlib
import os
import sys

import click

from rightly.errors import BudgetExceededError, EndpointError, RightlyError, did_you_mean
from rightly.version import __version__

VERBS = {
    "audit": "Measure judges: outcome accuracy and rationale consistency, side by side.",
    "judge": "Judge pairs and store every judgment.",
    "bench": "Run a public benchmark: the official number, and the figures behind it.",
    "arena": "Arena-Hard: compare a model's answers with a baseline's, with style control.",
    "leaderboard": "Show benchmark runs on one sortable page.",
    "compare": "Test judges against each other on their shared pairs.",
    "report": "Score the records of an audit again and write its report, without calls.",
    "matcher-check": "Measure a matcher against human links.",
    "data": "See how preference data is read, and convert it to native JSON lines.",
    "strength": "Find wrong and ambiguous labels in preference pairs: strength, classes, conflicts.",
    "repair": "Repair preference pairs by their strength, with an audit trail and undo.",
    "serve": "Serve reward models over HTTP, in the protocols that trainers speak.",
    "score": "Score pairs with reward models: rewards and margins.",
    "doctor": "Check whether all software computes the same rewards from a reward model.",
    "train": "Train a reward model, scalar or generative, or a matcher, from a recipe.",
    "demo": "Audit shipped real data, or train a tiny judge in four ways: no key, no network.",
}


class _Verbs(click.Group):
    """Imports a verb's file only when the verb is used, so that help is fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            raise click.UsageError(f"unknown verb {cmd_name!r}; {did_you_mean(cmd_name, VERBS)}")
        return importlib.import_module(f"rightly.cli.{cmd_name.replace('-', '_')}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with: rightly demo. Every verb has --help with examples.",
)
@click.version_option(__version__, prog_name="rightly")
def app() -> None:
    """Reward models and judges that are right for the right reasons."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors that a user can fix are printed in one line, without a traceback."""
    try:
        app.main(arguments, prog_name="rightly", standalone_mode=False)
    except (click.exceptions.Exit, click.exceptions.NoArgsIsHelpError) as done:
        _leave(done.exit_code, done.format_message() if isinstance(done, click.ClickException) else "")
    except click.ClickException as error:
        _leave(2, f"rightly: {' '.join(error.format_message().split())}")
    except BudgetExceededError as error:
        _leave(3, f"rightly: {error}")
    except EndpointError as error:
        _leave(1, f"rightly: {error}")
    except RightlyError as error:
        _leave(2, f"rightly: {error}")
    except (KeyboardInterrupt, click.Abort):
        _leave(130, "rightly: stopped; all finished work is kept, run the same command again to resume")
    except BrokenPipeError:
        # The reader (head, less) closed the pipe: not an error, and Python must not report one at shutdown.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _leave(0, "")


def _leave(code: int, message: str) -> None:
    if message:
        print(message, file=sys.stderr)
    sys.exit(code)
