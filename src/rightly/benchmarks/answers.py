"""What a model said of a benchmark's items, whatever kind of model it is: one form for scores and for verdicts."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pydantic import Field

from rightly.judges.base import JudgeIdentity
from rightly.judges.confidence import Told, told
from rightly.metrics.accuracy import Outcome, outcome
from rightly.metrics.ties import TIE
from rightly.types import FailureKind, Judgment, PreferencePair, Record, content_key

Rated = Literal["nothing", "several", "all"]
"""Items for which the scores of a judge that rates are used: none, those with more than two responses, or all."""

RIGHT, WRONG = 1, 2
"""Ranks of the responses of an item."""


class Answer(Record):
    """What one model said of one item.

    Attributes:
        model: Name of the model.
        item_id: The item.
        item_key: Content key of the item.
        domain: Subset of the item.
        cluster: Key of its context: items that share it are resampled together.
        scores: One score per response, ``None`` for an unusable rating of a judge; empty for a model that compares.
        right: Number of right responses.
        outcomes: For every comparison its outcomes: one where the order of the responses plays no part or one order was asked,
            two (stored order, swapped) where both were. A choice among all responses is one comparison: right if it names a
            right one.
        whole: Whether a judge chose among all responses at once.
        longer: For every comparison 1 if the right response is longer, -1 if it is shorter, 0 for equal lengths. For a choice
            among all 1 (-1) if the right response is the longest (shortest) of all, else 0.
        failures: Number of missing outcomes by reason.
        no_difference: Comparisons of responses that are the same tokens to the model: ties, whatever the model.
        told: What a judge with a preference says of every comparison; empty for other models.
    """

    model: str
    item_id: str
    item_key: str
    domain: str
    cluster: str
    scores: tuple[float | None, ...] = ()
    right: int
    outcomes: tuple[tuple[Outcome, ...], ...]
    whole: bool = False
    longer: tuple[int, ...]
    failures: dict[FailureKind | Literal["missing"], int] = Field(default_factory=dict)
    no_difference: int = 0
    told: tuple[Told, ...] = ()

    @property
    def key(self) -> str:
        """The same item and model."""
        return content_key([self.item_id, self.item_key, self.model])


def comparisons(item: PreferencePair) -> list[PreferencePair]:
    """Every right response of an item with every wrong one, as pairs of two; a pair of two is its own.

    The right response comes first; its place says nothing to a judge that is asked in both orders or in a drawn one.
    """
    if len(item.responses) == 2:
        return [item]
    return [
        PreferencePair(
            id=f"{item.id}/{right}-{wrong}",
            context=item.context,
            responses=(item.responses[right], item.responses[wrong]),
            label="A",
            domain=item.domain,
        )
        for right, wrong in couples(item)
    ]


def questions(item: PreferencePair, judge: JudgeIdentity) -> list[PreferencePair]:
    """What a judge is asked about an item: the item itself, or its `comparisons`.

    A judge that rates is asked about the item; one that chooses among several responses too, if exactly one is right.
    """
    one_right = len({right for right, _ in couples(item)}) == 1
    return [item] if judge.rates or (judge.compares_all and one_right) else comparisons(item)


def couples(item: PreferencePair) -> list[tuple[int, int]]:
    """Places of a right and a wrong response, for every comparison, in the order of `comparisons`."""
    if item.ranks is None:
        best = item.choices.index(str(item.label))
        return [(best, place) for place in range(len(item.responses)) if place != best]
    places = range(len(item.responses))
    return [(i, j) for i in places if item.ranks[i] == RIGHT for j in places if item.ranks[j] == WRONG]


def from_scores(
    items: Iterable[PreferencePair],
    model: str,
    scores: Mapping[str, Sequence[float]],
    same_as: Mapping[str, Sequence[int]] = {},
) -> list[Answer]:
    """Answers of a model that scores single responses; scores that differ by at most `TIE` are a tie.

    Args:
        items: The items.
        model: Name of the model.
        scores: One score per response, by item id; an item without scores has failed.
        same_as: For each response the index of the first one with the same tokens, by item id, if known.
    """
    return [
        _scored(item, model, scores.get(item.id)).model_copy(
            update={"no_difference": _without_difference(item, same_as.get(item.id, ()))}
        )
        for item in items
    ]


def _without_difference(item: PreferencePair, same_as: Sequence[int]) -> int:
    return sum(same_as[i] == same_as[j] for i, j in couples(item)) if same_as else 0


def _scored(item: PreferencePair, model: str, scores: Sequence[float] | None) -> Answer:
    pairs = couples(item)
    if scores is not None and not all(map(math.isfinite, scores)):
        scores = None
    if scores is None:
        outcomes: list[tuple[Outcome, ...]] = [(None,)] * len(pairs)
    else:
        outcomes = [(_sign(scores[i] - scores[j]),) for i, j in pairs]
    return from_outcomes(item, model, outcomes, scores or (), {"missing": len(pairs)} if scores is None else {})


def from_judgments(
    items: Iterable[PreferencePair], model: str, judgments: Iterable[Judgment], *, rates: Rated = "nothing"
) -> list[Answer]:
    """Answers of a judge.

    Args:
        items: The items.
        model: Name of the judge in the answers.
        judgments: One judge's judgments of the items' `questions`; the last of several of the same work counts.
        rates: Items for which its scores are used in place of its verdict.
    """
    said = {(each.pair_id, each.pair_key, each.order): each for each in judgments}
    both = {order for _, _, order in said} == {"AB", "BA"}
    one_order = both and not any((pair_id, key, "BA") in said for pair_id, key, order in said if order == "AB")
    return [
        _of_whole(item, model, whole, rates)
        if (whole := said.get((item.id, item.content_key, "AB"))) and (len(item.responses) > 2 or rates == "all")
        else _judged(item, model, said, one_order or not both)
        for item in items
    ]


def _of_whole(item: PreferencePair, model: str, said: Judgment, rates: Rated) -> Answer:
    """The answer of a judge that was asked about all responses of an item."""
    if rates == "nothing":
        return _choice(item, model, said)
    scores = said.scores or (None,) * len(item.responses)
    pairs = [(scores[i], scores[j]) for i, j in couples(item)]
    outcomes: list[tuple[Outcome, ...]] = [
        (None if one is None or two is None else _sign(one - two),) for one, two in pairs
    ]
    kind: FailureKind | Literal["missing"] = said.failure or "missing"
    missing = outcomes.count((None,))
    return from_outcomes(item, model, outcomes, scores, {kind: missing} if missing else {})


def _choice(item: PreferencePair, model: str, said: Judgment) -> Answer:
    right = {i for i, _ in couples(item)}
    named = said.verdict in {item.choices[i] for i in right}
    value = outcome(said.verdict, str(said.verdict) if named else "another")
    answer = from_outcomes(item, model, [(value,)], failures={said.failure: 1} if said.failure else {})
    lengths = [len(response) for response in item.responses]
    own, others = [lengths[i] for i in right], [length for i, length in enumerate(lengths) if i not in right]
    longer = 1 if min(own) > max(others) else -1 if max(own) < min(others) else 0
    return answer.model_copy(update={"whole": True, "longer": (longer,)})


def _judged(item: PreferencePair, model: str, said: Mapping[tuple, Judgment], one_order: bool) -> Answer:
    outcomes: list[tuple[Outcome, ...]] = []
    failures: dict[FailureKind | Literal["missing"], int] = {}
    said_of: list[Told] = []
    for pair in comparisons(item):
        found = [said.get((pair.id, pair.content_key, order)) for order in ("AB", "BA")]
        if one_order:
            found = [each for each in found if each is not None][:1] or [None]
        for judgment in found:
            if judgment is None or judgment.failure is not None:
                kind = "missing" if judgment is None or judgment.failure is None else judgment.failure
                failures[kind] = failures.get(kind, 0) + 1
        outcomes.append(tuple(outcome(each.verdict if each else None, str(pair.label)) for each in found))
        said_of.append(told(str(pair.label), [each for each in found if each is not None]))
    answer = from_outcomes(item, model, outcomes, (), failures)
    states = any(chance is not None for each in said_of for chance in each.chances)
    return answer.model_copy(update={"told": tuple(said_of)}) if states else answer


def from_outcomes(
    item: PreferencePair,
    model: str,
    outcomes: Sequence[tuple[Outcome, ...]],
    scores: Sequence[float | None] = (),
    failures: Mapping[FailureKind | Literal["missing"], int] = {},
) -> Answer:
    """The answer that these outcomes of an item's comparisons make."""
    pairs = couples(item)
    return Answer(
        model=model,
        item_id=item.id,
        item_key=item.content_key,
        domain=item.domain or "all",
        cluster=item.context_key if item.context else item.id,
        scores=tuple(scores),
        right=len({i for i, _ in pairs}),
        outcomes=tuple(outcomes),
        longer=tuple(_sign(len(item.responses[i]) - len(item.responses[j])) or 0 for i, j in pairs),
        failures=dict(failures),
    )


def _sign(difference: float) -> Outcome:
    if math.isnan(difference):
        return None
    return 0 if abs(difference) <= TIE else 1 if difference > 0 else -1
