"""How the command line listens to a job: lines and progress on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from rightly.cli.progress import progress
from rightly.inference.account import Account
from rightly.jobs.events import Events, Stage


class ConsoleEvents(Events):
    """Prints what a job tells."""

    def say(self, line: str) -> None:
        """A line on standard error."""
        click.echo(line, err=True)

    @contextmanager
    def progress(self, account: Account) -> Iterator[Stage]:
        """A bar for each stage, and what the account spends."""
        with progress(account) as stage:
            yield stage
