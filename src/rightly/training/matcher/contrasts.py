"""Written points with sentences that make the same point and sentences that do not, as training rows."""

import random
from collections.abc import Iterator, Sequence
from importlib import resources
from itertools import combinations
from pathlib import Path

from pydantic import ValidationError

from rightly.data.load import Rows, open_rows
from rightly.errors import InputError
from rightly.references import subject_side, swap_references
from rightly.training.matcher.labelled import Labelled
from rightly.types import Frozen

WRITTEN = "written"
"""Name of the contrasts that are shipped with the package."""
SOURCE = "written"


class Contrast(Frozen):
    """A written point with sentences that make the same point and sentences that do not.

    Attributes:
        point: One reason for a preference.
        paraphrases: The point in other words, lightly and heavily reworded.
        opposites: Contradictions of the point about the same response.
        changed: The point with one decisive number, name, condition or scope changed.
        general: The point without its specific content.
        specific: The point with a decisive detail more.
        topic: Another point on the same topic.
        vague: A verdict that would fit any point.
    """

    point: str
    paraphrases: tuple[str, ...]
    opposites: tuple[str, ...]
    changed: tuple[str, ...]
    general: tuple[str, ...]
    specific: tuple[str, ...] = ()
    topic: tuple[str, ...]
    vague: str


def read_contrasts(path: str | Path) -> tuple[Contrast, ...]:
    """Read written contrasts, one JSON object per line.

    Raises:
        InputError: A line is unusable; the error names it.
    """
    return tuple(open_rows(str(path)).converted(_contrasts))


def contrast_file(source: str) -> str:
    """The file of a source of contrasts; `WRITTEN` is the one shipped with the package."""
    if source != WRITTEN:
        return source
    return str(resources.files("rightly.matchers").joinpath("samples", "contrasts.jsonl.gz"))


def from_contrasts(contrasts: Sequence[Contrast], seed: int = 0) -> Iterator[Labelled]:
    """All pairs of a written point: each two ways to say it, and each near miss beside one or two ways to say it.

    Near misses are paired with the point (often in nearly the same words) and with a paraphrase (in other words), so that the
    share of common words does not tell.
    """
    draw = random.Random(seed)
    for each in contrasts:
        ways = (each.point, *each.paraphrases)
        for one, other in combinations(ways, 2):
            yield _pair(one, other, "paraphrase", draw, same=1.0, covers=1.0)
        for kind, texts in (("polarity", each.opposites), ("number", each.changed), ("same topic", each.topic)):
            for text in texts:
                for way in (each.point, draw.choice(each.paraphrases)):
                    yield _pair(way, text, kind, draw, same=0.0, covers=0.0)
        for text in each.general:
            for way in (each.point, draw.choice(each.paraphrases)):
                yield from _wider(way, text, draw)
        for text in each.specific:
            yield from _wider(text, draw.choice(ways), draw)
        yield Labelled(draw.choice(ways), each.vague, SOURCE, "vague", same=0.0, covers=0.0)
        yield from _swapped(each, draw)


def _pair(one: str, other: str, kind: str, draw: random.Random, *, same: float, covers: float) -> Labelled:
    """A row with a symmetric label, in either order."""
    if draw.random() < 0.5:
        one, other = other, one
    return Labelled(one, other, SOURCE, kind, same=same, covers=covers)


def _wider(specific: str, general: str, draw: random.Random) -> Iterator[Labelled]:
    """A specific sentence covers the general one, not the other way round, and they are not the same point."""
    if draw.random() < 0.7:
        yield Labelled(specific, general, SOURCE, "general", same=0.0, covers=0.0)
    else:
        yield Labelled(general, specific, SOURCE, "specific", same=0.0, covers=1.0)


def _swapped(each: Contrast, draw: random.Random) -> Iterator[Labelled]:
    if subject_side(each.point) is None:
        return
    for text in (each.point, draw.choice(each.paraphrases)):
        yield Labelled(each.point, swap_references(text), SOURCE, "swap", same=0.0, covers=0.0)


def _contrasts(rows: Rows) -> Iterator[Contrast]:
    for row in rows:
        try:
            yield Contrast.model_validate(row)
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
