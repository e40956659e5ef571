"""What a matcher learns from: pairs of texts with labels for up to three questions, and ranked reasons."""

from collections.abc import Iterator
from typing import NamedTuple

from rightly.matchers.lexical import content_words, overlap

ENTAILMENT, NEUTRAL, CONTRADICTION = range(3)
NLI_LABELS = {"entailment": ENTAILMENT, "neutral": NEUTRAL, "contradiction": CONTRADICTION}


class Labelled(NamedTuple):
    """A point and a reason, with the labels that are known.

    Attributes:
        reference: The human point; the hypothesis of an entailment pair.
        candidate: The judge's reason; the premise of an entailment pair.
        source: Data set.
        kind: Relation of the two, for the counts on the card.
        nli: Whether the candidate entails the reference: `ENTAILMENT`, `NEUTRAL` or `CONTRADICTION`.
        same: Degree in [0, 1] to which both make the same point.
        covers: Degree in [0, 1] to which the candidate says what the reference says.
    """

    reference: str
    candidate: str
    source: str
    kind: str
    nli: int | None = None
    same: float | None = None
    covers: float | None = None


class Ranked(NamedTuple):
    """A point, a nearer reason and a farther one."""

    reference: str
    nearer: str
    farther: str
    source: str
    kind: str


Row = Labelled | Ranked


def entailed(premise: str, hypothesis: str, label: int, source: str) -> Labelled:
    """The row of an entailment pair: what is not entailed is neither covered nor the same point."""
    no = label != ENTAILMENT
    kind = ("entailment", "neutral", "contradiction")[label]
    return Labelled(hypothesis, premise, source, kind, nli=label, same=0.0 if no else None, covers=0.0 if no else 1.0)


def texts_of(row: Row) -> Iterator[str]:
    """The two or three texts of a row."""
    yield from (row.reference, row.candidate) if isinstance(row, Labelled) else (row.reference, row.nearer, row.farther)


def word_overlap(row: Labelled) -> float:
    """F1 of the content words of the two texts."""
    return overlap(content_words(row.reference), content_words(row.candidate))
