"""Logic that a matcher should not have to learn: points about different responses are different points."""

import re

from rightly.references import Side, subject_side

_NAME = r"(?:A?[12]|[AB])"
_OF_BOTH = re.compile(
    rf"^\W*(?:(?i:both|neither)\b|(?:\w+\s+)?{_NAME}\s*(?:and|or|nor|&|/)\s*(?:\w+\s+)?{_NAME}(?![\w.]))"
)


def same_response(reference: str, candidate: str) -> bool:
    """Whether two points may speak of the same response: true unless each speaks of one and they differ.

    A comparison speaks of the response that is not set aside ("Unlike A, B cites a source" speaks of B). A point that
    begins with both ("Neither A nor B ...", "Responses 1 and 2 ...") or names none may match any. The gate does not know
    that "A is longer than B" and "B is shorter than A" are one point: it keeps them apart.
    """
    one, other = _subject(reference), _subject(candidate)
    return one is None or other is None or one == other


def _subject(text: str) -> Side | None:
    return None if _OF_BOTH.match(text) else subject_side(text)
