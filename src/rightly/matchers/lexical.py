"""Word overlap as a matcher: fast, without dependencies, and blind to meaning; for smoke tests."""

import re
from collections import Counter
from collections.abc import Sequence
from math import log

import numpy as np
from numpy.typing import NDArray

from rightly.errors import InputError
from rightly.matchers.base import MOSTLY, Link, Match
from rightly.matchers.response_filter import same_response
from rightly.references import strip_references
from rightly.store.fingerprint import fingerprint
from rightly.version import __version__

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
# Negations are not stop words: they are the short words that change a point.
_STOP_WORDS = """
a an and are as at be because been but by can could did do does for from had has have he her his how i if in into is it
its just more most of on only or other our out over own she should so some such than that the their them then there these
they this those to too under up very was we were what when where which while who why will with would you your
"""
_STOP = frozenset(_STOP_WORDS.split())
_ENDINGS = (("ing", 4), ("ed", 3), ("es", 3), ("s", 3), ("ly", 3))
FLOOR = 0.1
"""Overlaps below this are at chance level and give no link."""


def lexical_fingerprint(target: str | None = None, weighted: str = "") -> str:
    """Identity of the lexical matcher.

    Raises:
        InputError: The spec has a target, which this matcher does not support, or the value of ``weighted`` is unknown.
    """
    if target is not None:
        raise InputError(f"'lexical:{target}' names no matcher", fix="write lexical")
    weights = {"weighted": "by both lists"} if _weighted(weighted) else {}
    return fingerprint("lexical", version=__version__, **weights)


class LexicalMatcher:
    """Scores two points by the overlap (F1) of their content words, with response names removed.

    Args:
        target: ``None``; a spec with a target names no matcher.
        weighted: ``true`` weights each word by how few texts of both lists hold it (`weighted_overlap`): for coverage of
            points by long texts.
    """

    concurrency = 1
    smoke_only = True
    free = True
    operating_point = MOSTLY
    held_out: frozenset[str] | None = None

    def __init__(self, target: str | None = None, weighted: str = "") -> None:
        self.fingerprint = lexical_fingerprint(target, weighted)
        self._overlaps = weighted_overlap if _weighted(weighted) else plain_overlap
        self.name = "lexical?weighted=true" if _weighted(weighted) else "lexical"

    async def match(self, reference: Sequence[str], candidate: Sequence[str]) -> Match:
        """Link the points that share words and may be about the same response."""
        found = self._overlaps(reference, candidate)
        links = [
            Link(reference=i, candidate=j, score=round(float(found[i, j]), 4))
            for i, point in enumerate(reference)
            for j, reason in enumerate(candidate)
            if found[i, j] >= FLOOR and same_response(point, reason)
        ]
        return Match(links=tuple(links))

    async def aclose(self) -> None:
        """Nothing to release."""


def _weighted(text: str) -> bool:
    if text not in ("", "true", "false"):
        raise InputError(f"weighted={text} is unknown", fix="write weighted=true, or leave it out")
    return text == "true"


def content_words(text: str) -> frozenset[str]:
    """The content words of a text, lower case and crudely stemmed, without response names and function words."""
    found = _WORD.findall(strip_references(text).lower())
    return frozenset(_stem(word) for word in found if word not in _STOP)


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """F1 of two sets of words (Dice): twice the number of shared words over the sum of both sizes."""
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 0.0


def plain_overlap(reference: Sequence[str], candidate: Sequence[str]) -> NDArray[np.float64]:
    """Overlap (F1) of the content words of every two texts, ``(len(reference), len(candidate))``."""
    one, other = [content_words(text) for text in reference], [content_words(text) for text in candidate]
    return np.array([[overlap(words, others) for others in other] for words in one]).reshape(len(one), len(other))


def weighted_overlap(reference: Sequence[str], candidate: Sequence[str]) -> NDArray[np.float64]:
    """Overlap (F1) of the content words of every two texts, ``(len(reference), len(candidate))``, rare words counting more.

    The weight of a word is the logarithm of the number of texts (plus one) over the number of texts with it, in both lists:
    what they all speak of tells nothing about which two belong together.
    """
    one, other = [content_words(text) for text in reference], [content_words(text) for text in candidate]
    texts = [*one, *other]
    counts = Counter(word for words in texts for word in words)
    weight = {word: log((len(texts) + 1) / count) for word, count in counts.items()}
    total = [sum(weight[word] for word in words) for words in texts]
    found = np.zeros((len(one), len(other)))
    for i, words in enumerate(one):
        for j, others in enumerate(other):
            shared = sum(weight[word] for word in words & others)
            found[i, j] = 2 * shared / (total[i] + total[len(one) + j]) if shared else 0.0
    return found


def _stem(word: str) -> str:
    for ending, left in _ENDINGS:
        if len(word) >= len(ending) + left and word.endswith(ending) and not word.endswith("ss"):
            word = word.removesuffix(ending)
            break
    return word.removesuffix("e") if len(word) > 3 else word
