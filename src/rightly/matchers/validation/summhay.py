"""Human-labelled matches: which bullet of a summary makes which reference point (SummHay).

Laban et al., "Summary of a Haystack" (2024): for 200 summaries, people labelled every reference insight as covered fully,
in part or not at all, and named the bullet. Six language models answered the same question. It is the closest available
substitute for a human MetaJudge: two lists, graded links. Licence and changes: ``samples/ATTRIBUTION.md``.
"""

from functools import cache

from rightly.matchers.base import Link
from rightly.matchers.validation.packed import packed_bytes, packed_rows
from rightly.types import Frozen


class CoverageCase(Frozen):
    """One summary with its links.

    Attributes:
        id: Name of the case.
        topic: Kind of the documents: ``doctor`` (doctor-patient conversations), ``sales`` (sales calls) or ``news``.
        cluster: Subtopic of the case; cases of one subtopic share their points.
        system: Language model that wrote the summary.
        points: Reference points.
        bullets: Lines of the summary.
        human: Human links; several points may share a bullet.
        stored: Links of six language models, by model name.
    """

    id: str
    topic: str
    cluster: str
    system: str
    points: tuple[str, ...]
    bullets: tuple[str, ...]
    human: tuple[Link, ...]
    stored: dict[str, tuple[Link, ...]]


@cache
def load_summhay() -> tuple[CoverageCase, ...]:
    """Load the 200 cases shipped with the package."""
    return tuple(_case(row) for row in packed_rows("summhay"))


def summhay_bytes() -> bytes:
    """Content of the packed file, part of the key of a stored measurement."""
    return packed_bytes("summhay")


def _case(row: dict) -> CoverageCase:
    return CoverageCase(
        id=row["id"],
        topic=row["topic"],
        cluster=row["cluster"],
        system=row["system"],
        points=row["points"],
        bullets=row["bullets"],
        human=_links(row["human"]),
        stored={name: _links(found) for name, found in row["stored"].items()},
    )


def _links(found: list[list]) -> tuple[Link, ...]:
    return tuple(Link(reference=r, candidate=c, score=s) for r, c, s in found)
