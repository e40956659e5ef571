"""What a job tells while it runs; whoever runs it decides where that is shown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rightly.inference.account import Account

Stage = Callable[[str, int | None], Callable[[object], None]]
"""Announces a stage and how many pieces it has, where known; gives back what to call after each piece."""


class Events:
    """Listens to a job and keeps silent; the command line has one that prints."""

    def say(self, line: str) -> None:
        """A line for people: an estimate, what was spent, what is left out."""

    @contextmanager
    def progress(self, account: Account) -> Iterator[Stage]:
        """Shows how far the stages inside the block are, and what the account spends meanwhile."""
        yield lambda _name, _total: lambda _piece: None


SILENT = Events()
