"""Judges that need no model, each with one fixed reason: the baseline that every real judge must beat."""

from rightly.inference.generator import Request
from rightly.judges.base import JudgeIdentity
from rightly.judges.declared import best_of
from rightly.references import Side
from rightly.store.fingerprint import fingerprint
from rightly.types import Choice, Judgment, Order, PreferencePair, Rationale


class _Heuristic:
    concurrency = 1

    def __init__(self, name: str) -> None:
        self.name = name
        note = "a rule without a model; says one canned reason"
        made_by = fingerprint("rule", name=name)
        self.identity = JudgeIdentity(name=name, fingerprint=made_by, note=note, compares_all=True)

    def requests(self, pair: PreferencePair) -> list[Request]:
        """No requests: there is no model."""
        return []

    async def aclose(self) -> None:
        """Nothing to release."""

    def _choose(self, pair: PreferencePair, order: Order, best: Choice, reason: str) -> Judgment:
        side: Side | None = "A" if best == "A" else "B" if best == "B" else None
        said = Rationale(text=f"Response {best} {reason}", about=side, favors=side)
        return Judgment(
            pair_id=pair.id,
            pair_key=pair.content_key,
            judge=self.name,
            made_by=self.identity.made_by(pair),
            order=order,
            verdict=best,
            rationales=() if best == "tie" else (said,),
        )


class LengthJudge(_Heuristic):
    """Prefers the longer response (or the shorter), in characters; several of that length are a tie."""

    def __init__(self, *, longer: bool) -> None:
        super().__init__("longer" if longer else "shorter")
        self._longer = longer

    def orders(self, pair: PreferencePair) -> tuple[Order, ...]:
        """One order: lengths do not depend on it."""
        return ("AB",)

    async def judge(self, pair: PreferencePair, order: Order) -> Judgment:
        """Compare the lengths of all responses."""
        lengths = [len(response) if self._longer else -len(response) for response in pair.responses]
        reason = "is longer and more detailed." if self._longer else "is shorter and more concise."
        return self._choose(pair, order, best_of(lengths), reason)


class FirstJudge(_Heuristic):
    """Prefers the response shown first: pure position bias."""

    def __init__(self) -> None:
        super().__init__("first")

    def orders(self, pair: PreferencePair) -> tuple[Order, ...]:
        """Both orders of two: the verdict depends only on the order. More than two are shown as stored."""
        return ("AB", "BA") if len(pair.responses) == 2 else ("AB",)

    async def judge(self, pair: PreferencePair, order: Order) -> Judgment:
        """Choose the response in the first position."""
        return self._choose(pair, order, "A" if order == "AB" else "B", "answers the question directly and well.")


HEURISTICS = {
    "longer": lambda: LengthJudge(longer=True),
    "shorter": lambda: LengthJudge(longer=False),
    "first": FirstJudge,
}
