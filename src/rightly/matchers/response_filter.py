"""Rules that a matcher should not have to learn: the response meant, quantities, and verdicts that fit any point."""

import re

import numpy as np
from numpy.typing import NDArray

from rightly.references import Side, strip_references, subject_side

INCOMPATIBLE_FACTOR = 0.2
"""Factor for a score that a rule rejects: below "touched" on the MetaJudge's scale, yet in the learned order."""
_NAME = r"(?:A?[12]|[AB])"
_OF_BOTH = re.compile(
    rf"^\W*(?:(?i:both|neither)\b|(?:\w+\s+)?{_NAME}\s*(?:and|or|nor|&|/)\s*(?:\w+\s+)?{_NAME}(?![\w.]))"
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_DIGITS = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?")
_NUMBER_WORDS = {"twenty": 20.0, "thirty": 30.0, "forty": 40.0, "fifty": 50.0, "hundred": 100.0, "thousand": 1000.0} | {
    word: float(value)
    for value, words in enumerate(
        [
            "two pair couple twice both",
            "three trio thrice",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve dozen",
        ],
        2,
    )
    for word in words.split()
}
_EMPTY_WORDS = """
a about actually all also am an and answer answers any are argument arguments as at awful bad be because been best
better but by clearly compared convinced convincing could did didn't do does doesn't don't done else everything
excellent fair far feel feels find fine for from good great had has have her his how i i'd i'm in is isn't it it's its
itself job just like made make makes me more most much my nice not of ok okay on one only opinion or other out over
overall perfect poor poorly prefer preferable quality quite rather really response responses right seem seems simply
so solid some something stronger strong such superb superior terrible than that the their them there these they thing
think this those to too unconvincing up very was way weak weaker well were what which while who why will with worse
worst would written you your useful useless helpful unhelpful
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())


def same_response(reference: str, candidate: str) -> bool:
    """Whether two points may be about the same response: true unless each is about one response and they differ.

    A comparison is about the response that is not set aside ("Unlike A, B cites a source" is about B). A point that
    begins with both ("Neither A nor B ...", "Responses 1 and 2 ...") or names none may match any. The gate does not know
    that "A is longer than B" and "B is shorter than A" are the same point: it keeps them apart.
    """
    one, other = _subject(reference), _subject(candidate)
    return one is None or other is None or one == other


def same_quantities(reference: str, candidate: str) -> bool:
    """Whether two points may state the same quantities: true unless both state some and share none.

    Numbers are read from digits and from words up to twelve, round tens, ``hundred`` and ``thousand``; "one" is excluded,
    because it is often not a number. Units are not converted (24 hours, one day), but a point without any number contradicts
    none.
    """
    one, other = quantities(reference), quantities(candidate)
    return not one or not other or bool(one & other)


def says_nothing(candidate: str) -> bool:
    """Whether a reason is a verdict that would fit any point ("Response A is better overall")."""
    words = _WORD.findall(strip_references(candidate).lower().replace("’", "'"))
    return all(word in _EMPTY for word in words)


def compatible(point: str, reason: str) -> bool:
    """Whether the rules let a reason match a point: same response, same quantities, and more than a verdict."""
    return same_response(point, reason) and same_quantities(point, reason) and not says_nothing(reason)


def damped(scores: NDArray[np.float64], closed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Scores with those that the rules reject multiplied by `INCOMPATIBLE_FACTOR`."""
    return np.where(closed, scores * INCOMPATIBLE_FACTOR, scores)


def quantities(text: str) -> frozenset[float]:
    """The numbers in a text, except those in the names of responses.

    >>> sorted(quantities("Response 2 lists three causes in 1,200 words"))
    [3.0, 1200.0]
    """
    bare = strip_references(text)
    digits = {float(number.replace(",", "")) for number in _DIGITS.findall(bare)}
    return frozenset(digits | {_NUMBER_WORDS[word] for word in _WORD.findall(bare.lower()) if word in _NUMBER_WORDS})


def _subject(text: str) -> Side | None:
    return None if _OF_BOTH.match(text) else subject_side(text)
