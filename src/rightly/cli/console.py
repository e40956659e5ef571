"""Display a job on the command line: lines and progress on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from rightly.inference.account import Account
from rightly.jobs.events import Events, Stage


class ConsoleEvents(Events):
    """Prints the events of a job."""

    def say(self, line: str) -> None:
        """Print a line on standard error."""
        click.echo(line, err=True)

    @contextmanager
    def progress(self, account: Account) -> Iterator[Stage]:
        """Show a bar for each stage, and the account's spending."""
        from rightly.cli.progress import progress

        with progress(account) as stage:
            yield stage
