"""A person as a judge: one annotator of each pair is held out and scored like a model; the others are the reference."""

from rightly.data.holdout import holdout_annotator
from rightly.inference.generator import Request
from rightly.judges.base import JudgeIdentity
from rightly.store.fingerprint import fingerprint
from rightly.types import Judgment, Order, PreferencePair


class AnnotatorJudge:
    """Answers with the vote and the reason of a held-out annotator, drawn for each pair by a hash of the seed.

    An audit with this judge removes the held-out annotator's reasons from the reference of *every* judge, so that
    all are measured against the same points.

    Args:
        seed: Seed for the draw of the annotators.
        name: Name in tables.
    """

    concurrency = 1

    def __init__(self, seed: int = 0, name: str = "annotator") -> None:
        self.name = name
        self._seed = seed
        self.identity = JudgeIdentity(
            name=self.name,
            fingerprint=fingerprint("annotator", seed=seed),
            note="a person: one annotator of each pair, held out of every judge's reference; "
            "the label may still hold their vote",
            held_out_person=True,
        )

    def orders(self, pair: PreferencePair) -> tuple[Order, ...]:
        """One order: a person saw the pair once."""
        return ("AB",)

    def requests(self, pair: PreferencePair) -> list[Request]:
        """No requests: people have already answered."""
        return []

    async def judge(self, pair: PreferencePair, order: Order) -> Judgment:
        """The held-out vote; a pair without an annotator to hold out is reported as a failure of the data."""
        held = holdout_annotator(pair, self._seed)
        if held is None:
            return Judgment(
                pair_id=pair.id,
                pair_key=pair.content_key,
                judge=self.name,
                made_by=self.identity.made_by(pair),
                order=order,
                failure="provider",
                detail="no annotator with a vote and a reason can be held out of this pair",
            )
        return Judgment(
            pair_id=pair.id,
            pair_key=pair.content_key,
            judge=self.name,
            made_by=self.identity.made_by(pair),
            order=order,
            verdict=held.vote.choice,
            rationales=(held.rationale,) if held.rationale else (),
        )

    async def aclose(self) -> None:
        """Nothing to release."""
