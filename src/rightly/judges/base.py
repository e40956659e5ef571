"""What a judge is: something that looks at a pair in one order and says which response is better, and why."""

from typing import Protocol, runtime_checkable

from rightly.inference.generator import Request
from rightly.store.fingerprint import fingerprint
from rightly.types import Frozen, Judgment, Order, PreferencePair


class JudgeIdentity(Frozen):
    """Who a judge is; told without loading its model or having its key.

    Attributes:
        name: Its name in tables, settings included.
        fingerprint: Digest of everything that can change its judgments: model or endpoint, decoding options, prompt, reader.
        note: One line that readers of its results must know; empty for most.
        held_out_person: Whether it speaks for an annotator of each pair, who must then be held out of the reference.
    """

    name: str
    fingerprint: str
    note: str = ""
    held_out_person: bool = False

    def made_by(self, pair: PreferencePair) -> str:
        """Maker of this judge's judgments of a pair: its fingerprint, and for a person also what people said of the pair."""
        if not self.held_out_person:
            return self.fingerprint
        return fingerprint("person", judge=self.fingerprint, people=pair.human_key)


@runtime_checkable
class Judge(Protocol):
    """Anything that prefers.

    Attributes:
        name: The name in its identity.
        identity: Who it is.
        concurrency: How many judgments are worth having in flight at once.
    """

    name: str
    identity: JudgeIdentity
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
