"""What a judge is: something that looks at a pair in one order and says which response is better, and why."""

from typing import Protocol

from rightly.inference.generator import Request
from rightly.types import Judgment, Order, PreferencePair


class Judge(Protocol):
    """Anything that prefers.

    Attributes:
        name: Identity in records and tables, settings included.
        concurrency: How many judgments are worth having in flight at once.
        note: One line that readers of its results must know; empty for most.
    """

    name: str
    note: str
    concurrency: int

    def orders(self, pair: PreferencePair) -> tuple[Order, ...]:
        """The orders in which it wants to see the pair; one or both."""
        ...

    def requests(self, pair: PreferencePair) -> list[Request]:
        """What it would ask a model about the pair, all orders together; empty for a judge without one."""
        ...

    async def judge(self, pair: PreferencePair, order: Order) -> Judgment:
        """Judge the pair, shown in that order; verdict and reasons come back in the names of the stored pair."""
        ...

    async def aclose(self) -> None:
        """Release what the judge holds."""
        ...
