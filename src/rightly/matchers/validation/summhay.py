"""Human-labelled matches: which bullet of a summary says what a reference point says (SummHay).

Laban et al., "Summary of a Haystack" (2024): for 200 summaries, people said of every reference insight whether it is
covered, fully or in part, and by which bullet; six language models were asked the same. It is the nearest thing to a human
MetaJudge: two lists, graded links. Licence and changes: ``samples/ATTRIBUTION.md``.
"""

import gzip
import json
from functools import cache
from importlib import resources

from rightly.matchers.base import Link
from rightly.types import Frozen


class CoverageCase(Frozen):
    """One summary.

    Attributes:
        id: Its name.
        topic: What the documents are: talks of ``doctor`` and patient, ``sales`` calls, or ``news``.
        cluster: The subtopic; cases of one subtopic share their points.
        system: The language model that wrote the summary.
        points: Reference points.
        bullets: The summary's lines.
        human: Links by people; several points may share a bullet.
        stored: Links by six language models, by name.
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
    """The 200 cases that travel with the package."""
    return tuple(_case(json.loads(line)) for line in gzip.decompress(summhay_bytes()).split(b"\n") if line)


def summhay_bytes() -> bytes:
    """The packed file: what a kept measurement was made on."""
    return resources.files("rightly.matchers").joinpath("samples", "summhay.jsonl.gz").read_bytes()


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
