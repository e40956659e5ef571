"""Labels of the same pairs in another source: join by content, where a published file comes without its labels."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from rightly.types import Choice, PreferencePair, Vote


class Label(NamedTuple):
    """What a source says of the preference between two responses."""

    label: Choice
    degree: float | None
    votes: tuple[Vote, ...]


def labels_by_content(pairs: Iterable[PreferencePair]) -> dict[str, Label]:
    """The label of each context with its responses, by content key; content with two different labels has none."""
    found: dict[str, Label] = {}
    unclear: set[str] = set()
    for pair in pairs:
        if pair.label is None:
            continue
        known = found.setdefault(pair.content_key, Label(pair.label, pair.degree, pair.votes))
        if known.label != pair.label:
            unclear.add(pair.content_key)
    return {key: label for key, label in found.items() if key not in unclear}


def labelled(pair: PreferencePair, labels: Mapping[str, Label]) -> PreferencePair:
    """The pair; one without a label gets the label, degree and votes of the same context and responses.

    Args:
        pair: Pair with or without a label.
        labels: Labels by content key (`labels_by_content`).
    """
    known = labels.get(pair.content_key) if pair.label is None else None
    if known is None:
        return pair
    return pair.model_copy(update={"label": known.label, "degree": known.degree, "votes": pair.votes or known.votes})
