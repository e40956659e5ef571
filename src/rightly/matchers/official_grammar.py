"""The format of RationaleRM's MetaJudge: how it is shown two lists, and how its answer is read.

The lists are ``R1: ...`` (human points) and ``S1: ...`` (the judge's reasons). The answer is the first block between
``<RESULT_START>`` and ``<RESULT_END>``, with a line ``- R1@S2: 0.75`` for every human point in order; ``S0`` is no reason.
"""

import re
from collections.abc import Sequence

from rightly.matchers.base import Link

SCHEME = "rationalerm-official"
READER_VERSION = 1
"""Version of the answer reader. Raise it when the same answer is read differently."""
_BLOCK = re.compile(r"<RESULT_START>(.*?)<RESULT_END>", re.DOTALL)
_LINE = re.compile(r"- R(\d+)@S(\d+): (\d+(?:\.\d+)?)")

Scores = tuple[tuple[int, int, float], ...]
"""Number of the point, number of the reason (0 for none), score; numbers count from 1."""


def numbered(letter: str, points: Sequence[str]) -> str:
    """A list as the MetaJudge is shown it, one text a line."""
    return "\n".join(f"{letter}{number}: {point.strip()}" for number, point in enumerate(points, start=1)).strip()


def read_scores(text: str) -> tuple[Scores, str]:
    """The scores of an answer, and the problem with its format (empty if there is none)."""
    block = _BLOCK.search(text)
    if block is None:
        return (), "no block between <RESULT_START> and <RESULT_END>"
    scores = tuple((int(point), int(reason), float(score)) for point, reason, score in _LINE.findall(block[1]))
    if not scores:
        return (), "no line of the form - R1@S2: 0.75"
    for place, (point, reason, score) in enumerate(scores, start=1):
        if score > 1:
            return (), f"score {score:g} of R{point}@S{reason} is above 1"
        if point != place:
            return (), f"R{point} stands in place of R{place}"
    return scores, ""


def official_links(text: str, n_reference: int, n_candidate: int) -> tuple[tuple[Link, ...], str]:
    """The links of an answer, with those of score 0, and the problem with it (empty if there is none).

    A reason beyond the list is no reason, as in the released script. The number of lines must be that of the points.
    """
    scores, problem = read_scores(text)
    if not problem and len(scores) != n_reference:
        problem = f"{len(scores)} lines for {n_reference} points"
    if problem:
        return (), problem
    named = [(point - 1, reason - 1, score) for point, reason, score in scores if 1 <= reason <= n_candidate]
    return tuple(Link(reference=point, candidate=reason, score=score) for point, reason, score in named), ""
