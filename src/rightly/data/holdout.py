"""Hold out one annotator of a pair, to measure people in the same way as judges."""

from typing import NamedTuple

from rightly.types import PreferencePair, Rationale, Vote, content_key


class HeldOut(NamedTuple):
    """The held-out annotator's vote and reason, and the pair without them.

    Attributes:
        pair: The pair without the annotator's votes and rationales; its label is unchanged.
        annotator: Name of the held-out annotator.
        vote: Vote of the held-out annotator, or what the reason favors in a pair without votes.
        rationale: First reason of the held-out annotator.
    """

    pair: PreferencePair
    annotator: str
    vote: Vote
    rationale: Rationale


def holdout_annotator(pair: PreferencePair, seed: int) -> HeldOut | None:
    """Hold out one of the annotators who gave both a vote and a reason.

    In a pair without any votes, a reason that states which response it favors counts as its annotator's vote.

    The draw is uniform by a hash of the seed, the pair's id and the annotators' names: it depends neither on the order
    of the votes nor on the order of the responses.

    Returns:
        The held-out annotator and the remaining pair; ``None`` if no annotator gave both.
    """
    votes = {vote.annotator: vote for vote in pair.votes} or {
        reason.annotator: Vote(annotator=reason.annotator, choice=reason.favors)
        for reason in pair.rationales
        if reason.annotator is not None and reason.favors is not None
    }
    reasons = {r.annotator: r for r in reversed(pair.rationales) if r.annotator in votes and r.text.strip()}
    if not reasons:
        return None
    annotator = min((a for a in reasons if a is not None), key=lambda a: content_key([str(seed), pair.id, a]))
    return HeldOut(pair.without_annotator(annotator), annotator, votes[annotator], reasons[annotator])
