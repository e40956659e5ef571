"""Logic that a matcher should not have to learn: points about different responses are different points."""

from rightly.references import subject_side


def same_response(reference: str, candidate: str) -> bool:
    """Whether two points may speak of the same response: true unless both name one and they differ.

    A comparison speaks of the response that is not set aside ("Unlike A, B cites a source" speaks of B).
    """
    one, other = subject_side(reference), subject_side(candidate)
    return one is None or other is None or one == other
