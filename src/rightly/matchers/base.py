"""What every matcher is: two lists of reasons in, sparse graded links between them out."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from rightly.types import FailureKind, Frozen, Order, Record, Usage, content_key

MOSTLY = 0.75
"""On the MetaJudge's scale: the same point, small differences aside."""


class Link(Frozen):
    """A graded claim that candidate reason ``candidate`` says what reference reason ``reference`` says.

    Attributes:
        reference: Index into the human list, from 0.
        candidate: Index into the judge's list, from 0 (its rank minus one).
        score: In (0, 1]; 1 is the same point, key conditions included.
    """

    reference: int
    candidate: int
    score: float


class Match(Frozen):
    """What a matcher said of two lists, before anything is resolved.

    Attributes:
        links: Every link with a score above 0; ``()`` also when it failed.
        raw: The matcher's answer as it came (empty for matchers that compute).
        failure: Why there are no links; the pair is then left out of consistency and counted.
        detail: One line on the failure.
        usage: Tokens billed.
    """

    links: tuple[Link, ...] = ()
    raw: str = ""
    failure: FailureKind | None = None
    detail: str = ""
    usage: Usage = Usage()


class MatchRecord(Record):
    """A match as it is stored: whose lists, which lists, what was said.

    Attributes:
        pair_id: The pair.
        judge: The judge whose reasons were matched, for people.
        order: The order in which the judge saw the pair, for people.
        matcher: Name of the matcher, for people.
        made_by: Fingerprint of the matcher.
        reference: The human reasons, as matched.
        candidate: The judge's reasons, most important first, as matched.
        match: The matcher's answer.
    """

    pair_id: str
    judge: str
    order: Order
    matcher: str
    made_by: str
    reference: tuple[str, ...]
    candidate: tuple[str, ...]
    match: Match

    @property
    def key(self) -> str:
        """Identity of the work: the matcher and both lists."""
        return match_key(self.made_by, self.reference, self.candidate)

    @property
    def retry(self) -> bool:
        """Whether the request failed."""
        return self.match.failure == "provider"


@runtime_checkable
class Matcher(Protocol):
    """Anything that links two lists of reasons.

    Attributes:
        name: For people.
        fingerprint: Digest of everything that can change its links.
        concurrency: How many matches are worth having in flight at once.
        smoke_only: True for matchers that only show that the pipeline runs; reports say so.
        free: Whether matching costs no call to a language model.
        operating_point: A score at or above it means the same point; `MOSTLY` on the MetaJudge's scale.
        held_out: Of a trained matcher, the SummHay topics (``summhay: NAME``) and debates (``votes: NAME``) that it was not
            trained on; ``None`` where nothing was trained.
    """

    name: str
    fingerprint: str
    concurrency: int
    smoke_only: bool
    free: bool
    operating_point: float
    held_out: frozenset[str] | None

    async def match(self, reference: Sequence[str], candidate: Sequence[str]) -> Match:
        """Link the lists; empty lists give no links and cost nothing."""
        ...

    async def aclose(self) -> None:
        """Release what the matcher holds."""
        ...


def match_key(made_by: str, reference: Sequence[str], candidate: Sequence[str]) -> str:
    """The key of the match of these two lists by the matcher of this fingerprint."""
    return content_key([made_by, *reference, "\x1e", *candidate])
