"""The judge interface: it sees a pair in one order and says which response is better, and why."""

from typing import Protocol, runtime_checkable

from rightly.inference.generator import Request
from rightly.store.fingerprint import fingerprint
from rightly.types import Frozen, Judgment, Order, PreferencePair


class JudgeIdentity(Frozen):
    """Identity of a judge, known without loading its model or having its key.

    Attributes:
        name: Name in tables, settings included.
        fingerprint: Digest of everything that can change the judgments: model or endpoint, decoding options, prompt, reader.
        note: One line that readers of the results must know; empty for most judges.
        held_out_person: Whether the judge is an annotator of each pair, who must then be held out of the reference.
        compares_all: Whether the judge takes more than two responses at once.
        rates: Whether it takes them and scores each one.
    """

    name: str
    fingerprint: str
    note: str = ""
    held_out_person: bool = False
    compares_all: bool = False
    rates: bool = False

    def made_by(self, pair: PreferencePair) -> str:
        """Maker of this judge's judgments of a pair: its fingerprint, and for a person also the human votes and reasons."""
        if not self.held_out_person:
            return self.fingerprint
        return fingerprint("person", judge=self.fingerprint, people=pair.human_key)


@runtime_checkable
class Judge(Protocol):
    """Interface of everything that states a preference.

    Attributes:
        name: Name in the judge's identity.
        identity: Identity of the judge.
        concurrency: Useful number of judgments in flight at once.
    """

    name: str
    identity: JudgeIdentity
    concurrency: int

    def orders(self, pair: PreferencePair) -> tuple[Order, ...]:
        """The orders in which the judge sees the pair: one or both."""
        ...

    def requests(self, pair: PreferencePair) -> list[Request]:
        """The requests to a model about the pair, all orders together; empty for a judge without a model."""
        ...

    async def judge(self, pair: PreferencePair, order: Order) -> Judgment:
        """Judge the pair, shown in that order; verdict and reasons are returned in the names of the stored pair."""
        ...

    async def aclose(self) -> None:
        """Release the judge's resources."""
        ...
