"""Messages and progress of a running job; the caller decides how to display them."""

from collections.abc import Iterator
from contextlib import contextmanager

from rightly.inference.account import Account
from rightly.inference.dispatch import Stage


class Events:
    """A listener that ignores all events; the command line has one that prints."""

    def say(self, line: str) -> None:
        """Report a line of text: an estimate, spending, exclusions."""

    @contextmanager
    def progress(self, account: Account) -> Iterator[Stage]:
        """Display the progress of the stages inside the block, and the account's spending."""
        yield lambda _name, _total: lambda _piece: None


SILENT = Events()
