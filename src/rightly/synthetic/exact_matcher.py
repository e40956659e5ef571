"""The exact matcher of a world: two sentences are the same point or they are not."""

from collections.abc import Sequence

from rightly.matchers.base import MOSTLY, Link, Match
from rightly.store.fingerprint import fingerprint
from rightly.synthetic.reviews import read_point
from rightly.version import __version__


class ReviewsMatcher:
    """Links sentences of `rightly.synthetic.reviews` that make the same point, in whatever words."""

    name = "world:reviews"
    fingerprint = fingerprint("world:reviews", version=__version__)
    concurrency = 1
    smoke_only = False
    free = True
    operating_point = MOSTLY
    held_out: frozenset[str] | None = None

    async def match(self, reference: Sequence[str], candidate: Sequence[str]) -> Match:
        """A link of 1 for every pair of sentences with the same point; what makes no point of this world matches nothing."""
        points, reasons = [read_point(text) for text in reference], [read_point(text) for text in candidate]
        return Match(
            links=tuple(
                Link(reference=i, candidate=j, score=1.0)
                for i, point in enumerate(points)
                for j, reason in enumerate(reasons)
                if point is not None and point == reason
            )
        )

    async def aclose(self) -> None:
        """Nothing to release."""
