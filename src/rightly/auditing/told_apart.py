"""Judges with known reasons: how well a matcher tells right ones from wrong ones, and how the human reasons are worded."""

from collections.abc import Sequence
from statistics import fmean, median
from typing import NamedTuple

from rightly.auditing.result import Item, ItemJudgment
from rightly.matchers.validation.voters import VoterCheck
from rightly.metrics.clustered import clustered_mean
from rightly.metrics.estimate import Estimate
from rightly.references import strip_references
from rightly.types import Frozen, PreferencePair


class TaskCheck(Frozen):
    """How well a matcher tells reasons that a person holds from reasons that a person wrote to be wrong.

    Attributes:
        matcher: Name of the matcher.
        operating_point: Score at or above which the matcher says that two reasons make the same point.
        right: Name of the judge that says the right reason of another person.
        wrong: Name of the judge that says the wrong reason.
        above: Probability that the right reason of another person scores above the wrong one on the same pair, ties one half.
        accepted: Share of each judge's reasons that score at or above the operating point, by name.
        trained_on: Number of rows of the same corpus that the matcher was trained on.
    """

    matcher: str
    operating_point: float
    right: str
    wrong: str
    above: Estimate
    accepted: dict[str, Estimate]
    trained_on: int = 0


class Wording(Frozen):
    """How the human reasons of a sample are worded.

    Attributes:
        words: Median number of words of a reason.
        unnamed: Share of reasons that name neither response.
        against: Share of reasons by annotators whose vote is not the label.
        points: Mean number of points that a judge is measured against.
        most: Consistency that a judge with one reason a pair can reach at most: the mean of 1 over the number of points.
    """

    words: float
    unnamed: float
    against: float
    points: float
    most: float


class HardExample(Frozen):
    """What explains low figures of people on voters' reasons, beside pairs where the figures are higher.

    Attributes:
        hard: Wording of the voters' reasons.
        easy: Wording of the reasons to compare with.
        voters: The matcher's check on voters' reasons; ``None`` if it was not measured.
    """

    hard: Wording
    easy: Wording
    voters: VoterCheck | None


class Shown(NamedTuple):
    """A pair that shows what tells the judges apart.

    Attributes:
        item: The pair with its judgments.
        n_like: Number of pairs on which only the right reason is accepted.
        n_reverse: Number of pairs on which the wrong reason is accepted and the right one is not.
    """

    item: Item
    n_like: int
    n_reverse: int


def check_task(
    matcher: str, operating_point: float, items: Sequence[Item], right: str, wrong: str, judges: Sequence[str]
) -> TaskCheck:
    """Measure a matcher on the items of an audit whose judges give one reason each.

    Args:
        matcher: Name of the matcher.
        operating_point: Its operating point.
        items: Pairs with their matches; a failed match does not count.
        right: Name of the judge with right reasons.
        wrong: Name of the judge with wrong reasons.
        judges: Names of the judges whose accepted reasons are counted.
    """
    scores = [(item.context or item.pair_id, best_scores(item)) for item in items]
    both = [(cluster, each[right], each[wrong]) for cluster, each in scores if right in each and wrong in each]
    wins = [1.0 if one > two else 0.5 if one == two else 0.0 for _, one, two in both]
    accepted = {}
    for name in judges:
        found = [(cluster, float(each[name] >= operating_point)) for cluster, each in scores if name in each]
        accepted[name] = Estimate.of(clustered_mean([value for _, value in found], [cluster for cluster, _ in found]))
    return TaskCheck(
        matcher=matcher,
        operating_point=operating_point,
        right=right,
        wrong=wrong,
        above=Estimate.of(clustered_mean(wins, [cluster for cluster, _, _ in both])),
        accepted=accepted,
    )


def best_scores(item: Item) -> dict[str, float]:
    """Score of the best link of each judge's reasons on a pair, 0 without a link; a failed match is missing."""
    return {each.judge: _best(each) for each in item.judgments if each.metrics}


def pair_to_show(items: Sequence[Item], check: TaskCheck) -> Shown:
    """The first pair on which only the right reason is accepted; the first of all if there is none.

    Raises:
        ValueError: There are no items.
    """
    like, reverse = [], 0
    for item in items:
        scores = best_scores(item)
        accepted = {name for name, score in scores.items() if score >= check.operating_point}
        reverse += check.wrong in accepted and check.right not in accepted
        if accepted == {check.right}:
            like.append(item)
    if not items:
        raise ValueError("an audit without items has no pair to show")
    return Shown((like or list(items))[0], len(like), reverse)


def wording(pairs: Sequence[PreferencePair], items: Sequence[Item]) -> Wording:
    """How the reasons of these pairs are worded, and how many points the items of their audit have."""
    texts = [reason.text for pair in pairs for reason in pair.rationales]
    otherwise = [{vote.annotator for vote in pair.votes if vote.choice != pair.label} for pair in pairs]
    counts = [len(item.points) for item in items if item.points]
    return Wording(
        words=median(len(text.split()) for text in texts),
        unnamed=fmean(strip_references(text) == text for text in texts),
        against=fmean(r.annotator in who for pair, who in zip(pairs, otherwise, strict=True) for r in pair.rationales),
        points=fmean(counts),
        most=fmean(1 / count for count in counts),
    )


def _best(judgment: ItemJudgment) -> float:
    return max((link.score for link in judgment.links), default=0.0)
