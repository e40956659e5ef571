"""Judges whose verdicts and reasons are prepared in advance: they show what a measure says of known answers."""

from collections.abc import Mapping
from typing import NamedTuple

from rightly.inference.generator import Request
from rightly.judges.base import JudgeIdentity
from rightly.store.fingerprint import fingerprint
from rightly.types import Choice, Judgment, Order, PreferencePair, Rationale


class Answer(NamedTuple):
    """What a prepared judge says of a pair.

    Attributes:
        verdict: Verdict, in the names of the stored pair.
        reason: The only reason, in the names of the stored pair.
    """

    verdict: Choice
    reason: str


class PreparedJudge:
    """Gives the answer that was prepared for the pair's id.

    Args:
        name: Name in tables.
        answers: Answer for each pair, by the pair's id.
        note: One line on where the answers come from.
    """

    concurrency = 1

    def __init__(self, name: str, answers: Mapping[str, Answer], note: str) -> None:
        self.name, self._answers = name, dict(answers)
        made_by = fingerprint("prepared", answers={pair_id: list(answers[pair_id]) for pair_id in sorted(answers)})
        self.identity = JudgeIdentity(name=name, fingerprint=made_by, note=note)

    def orders(self, pair: PreferencePair) -> tuple[Order, ...]:
        """One order: the answer does not depend on it."""
        return ("AB",)

    def requests(self, pair: PreferencePair) -> list[Request]:
        """No requests: the answers are prepared."""
        return []

    async def judge(self, pair: PreferencePair, order: Order) -> Judgment:
        """The prepared answer; a pair without one is reported as a failure of the data."""
        answer = self._answers.get(pair.id)
        return Judgment(
            pair_id=pair.id,
            pair_key=pair.content_key,
            judge=self.name,
            made_by=self.identity.made_by(pair),
            order=order,
            verdict=None if answer is None else answer.verdict,
            failure="provider" if answer is None else None,
            detail="no answer is prepared for this pair" if answer is None else "",
            rationales=() if answer is None else (Rationale(text=answer.reason),),
        )

    async def aclose(self) -> None:
        """Nothing to release."""
