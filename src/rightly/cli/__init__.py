"""The command line: one file a verb; parse, call one function, print one report."""

import importlib
import os
import sys

import click

from rightly.errors import BudgetExceededError, EndpointError, RightlyError, did_you_mean
from rightly.version import __version__

VERBS = {
    "audit": "Measure judges: outcome accuracy and rationale consistency, side by side.",
    "judge": "Put pairs before judges and keep every judgment.",
    "bench": "Run a public benchmark: the official number, and what it hides.",
    "arena": "Arena-Hard: a model's answers against a baseline's, style controlled.",
    "leaderboard": "Put runs of benchmarks on one sortable page.",
    "compare": "Test judges against each other on the pairs that they share.",
    "report": "Score the records of an audit again and write its report, without a call.",
    "matcher-check": "Measure a matcher against links that people made.",
    "strength": "Measure what is wrong with preference pairs: strength, classes, conflicts.",
    "repair": "Mend preference pairs by their strength, with an audit and a way back.",
    "serve": "Serve reward models over HTTP, in the protocols that trainers speak.",
    "score": "Score pairs with reward models: rewards and margins.",
    "doctor": "Does everyone who loads a reward model get the same rewards?",
    "train": "Train a reward model, scalar or generative, or a matcher, from a recipe.",
    "demo": "Audit shipped real data; or train a tiny judge on three rewards: no key, no network.",
}


class _Verbs(click.Group):
    """Imports a verb's file only when the verb is used, so that help is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            raise click.UsageError(f"no such verb {cmd_name!r}; {did_you_mean(cmd_name, VERBS)}")
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
    """Run the command line; what a user can mend is printed in one line, without a traceback."""
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
        _leave(130, "rightly: stopped; everything done is kept, run the same command again to go on")
    except BrokenPipeError:
        # The reader (head, less) went away: not an error of ours, and Python must not complain at shutdown.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _leave(0, "")


def _leave(code: int, message: str) -> None:
    if message:
        print(message, file=sys.stderr)
    sys.exit(code)
