"""The matcher interface: two lists of reasons in, sparse graded links between them out."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from rightly.types import FailureKind, Frozen, Order, Record, Usage, content_key

MOSTLY = 0.75
"""Score on the MetaJudge's scale for the same point with small differences."""


class Link(Frozen):
    """A graded claim that candidate reason ``candidate`` makes the same point as reference reason ``reference``.

    Attributes:
        reference: Index into the human list, from 0.
        candidate: Index into the judge's list, from 0 (its rank minus one).
        score: Degree of agreement in [0, 1]; 1 is the same point, key conditions included. 0 is no agreement: only matchers
            with the official grammar name such a reason, because the official average precision gives it a rank.
    """

    reference: int
    candidate: int
    score: float


class Match(Frozen):
    """A matcher's answer for two lists, before the one-to-one assignment.

    Attributes:
        links: Every link; ``()`` also if the match failed.
        raw: Unparsed answer of the matcher (empty for matchers that compute).
        failure: Kind of failure, if any; the pair is then excluded from consistency and counted.
        detail: One line about the failure.
        usage: Billed tokens.
    """

    links: tuple[Link, ...] = ()
    raw: str = ""
    failure: FailureKind | None = None
    detail: str = ""
    usage: Usage = Usage()


class MatchRecord(Record):
    """A stored match: the two lists, their origin and the matcher's answer.

    Attributes:
        pair_id: Id of the pair.
        judge: Judge whose reasons were matched, for display.
        order: Order in which the judge saw the pair, for display.
        matcher: Name of the matcher, for display.
        made_by: Fingerprint of the matcher.
        reference: Human reasons, as matched.
        candidate: Judge's reasons, most important first, as matched.
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
        """Identity of the match: the matcher and both lists."""
        return match_key(self.made_by, self.reference, self.candidate)

    @property
    def retry(self) -> bool:
        """Whether the request failed."""
        return self.match.failure == "provider"


@runtime_checkable
class Matcher(Protocol):
    """Interface of everything that links two lists of reasons.

    Attributes:
        name: Display name of the matcher.
        fingerprint: Digest of everything that can change the links.
        concurrency: Useful number of matches in flight at once.
        smoke_only: Whether the matcher is for smoke tests only; reports say so.
        free: Whether any lists can be matched without a call to a language model.
        operating_point: Score at or above which two reasons make the same point; `MOSTLY` on the MetaJudge's scale.
        held_out: SummHay topics (``summhay: NAME``) and debates (``votes: NAME``) that a trained matcher was not trained on;
            ``None`` for a matcher without training.
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
        """Release the matcher's resources."""
        ...


@runtime_checkable
class GradesAll(Protocol):
    """A matcher that links only what it accepts, and gives all its scores on request.

    A hard metric counts every link as a match, so a learned score below the operating point must not be a link. Checks of the
    order of scores need those, too.
    """

    async def graded(self, reference: Sequence[str], candidate: Sequence[str]) -> Match:
        """All links, also those below the operating point."""
        ...


async def graded(matcher: Matcher, reference: Sequence[str], candidate: Sequence[str]) -> Match:
    """Every score that the matcher gives; for most matchers these are their links."""
    ask = matcher.graded if isinstance(matcher, GradesAll) else matcher.match
    return await ask(reference, candidate)


def match_key(made_by: str, reference: Sequence[str], candidate: Sequence[str]) -> str:
    """The key of a match of these two lists by the matcher with this fingerprint."""
    return content_key([made_by, *reference, "\x1e", *candidate])
