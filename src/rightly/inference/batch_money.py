"""What batches cost: their calls reserved in the book before they are sent, and settled when their results are read.

Providers bill half of the usual price. A batch outlives the process that sent it, so a later process settles its
reservations, in the book of the run folder in which they were made.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rightly.inference.account import BATCH_SHARE, Account
from rightly.inference.book import Entry, SpendingBook
from rightly.inference.generator import Request
from rightly.types import Usage


@dataclass(frozen=True, slots=True)
class BatchMoney:
    """View of the account for the batches of one model in one role."""

    account: Account
    role: str
    model: str

    def before_first_call(self, check: Callable[[], None]) -> None:
        """Run a check once, before the first call of any model of the account."""
        self.account.before_first_call(check)

    def reservations(self, requests: Sequence[Request]) -> list[Entry]:
        """The reservations of these requests, not yet written."""
        return [self.account.call(self.role, self.model, request, BATCH_SHARE) for request in requests]

    async def reserve(self, entries: Sequence[Entry]) -> int:
        """Wait until the first reservation fits into the budget, then write as many as fit; returns their number.

        Raises:
            BudgetExceededError: The first does not fit, and no call in flight can free money.
        """
        return await self.account.reserve(entries)

    @property
    def run(self) -> str | None:
        """The run folder whose book holds the reservations."""
        folder = self.account.book.folder
        return None if folder is None else str(folder.resolve())

    def resumed(self, run: str | None, entries: Sequence[Entry]) -> int:
        """Note that an earlier process's calls are in flight again; returns how many of them this run's book holds."""
        mine = sum(entry.call in self.account.book.open for entry in entries) if run == self.run else 0
        if mine:
            self.account.resumed(mine)
        return mine

    def settle(self, run: str | None, bills: Sequence[tuple[Entry, Usage]]) -> None:
        """Write the bills of calls that are not settled yet, in the book of the run that reserved them."""
        entries = [self.account.bill(entry, billed, BATCH_SHARE) for entry, billed in bills]
        if run == self.run:
            self.account.book.settle_open(entries)
        elif run is not None and Path(run).is_dir():
            book = SpendingBook(Path(run))
            try:
                book.settle_open(entries)
            finally:
                book.close()

    def ended(self, n: int) -> None:
        """Note that calls are no longer in flight."""
        if n:
            self.account.ended(n)

    def retrying(self, problem: str) -> None:
        """Note a failed attempt that will be retried."""
        self.account.retrying(problem)
