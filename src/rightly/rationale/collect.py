"""Atomise and match what is not done yet, many at a time: the second half of an audit's asking."""

from collections.abc import Callable, Iterable, Iterator

from rightly.inference.dispatch import run_bounded
from rightly.rationale.atomise import Atomiser, AtomRecord, feedback_key
from rightly.rationale.matching import Matcher, MatchRecord, match_key
from rightly.rationale.scoring import candidate_reasons
from rightly.runs import RecordFile
from rightly.types import Judgment, Order, PreferencePair, content_key

_ListPair = tuple[str, str, Order, tuple[str, ...], tuple[str, ...]]


async def collect_points(
    pairs: Iterable[PreferencePair],
    atomiser: Atomiser,
    records: RecordFile[AtomRecord],
    on_done: Callable[[AtomRecord | None], None],
) -> None:
    """Split the human reasons of every pair that is not split yet."""
    done = records.done()

    def missing() -> Iterator[PreferencePair]:
        for pair in pairs:
            if content_key([pair.id, atomiser.name, feedback_key(pair)]) in done:
                on_done(None)
            else:
                yield pair

    async for record in run_bounded(missing(), atomiser.atomise, concurrency=atomiser.concurrency):
        records.append(record)
        on_done(record)


async def collect_matches(
    judgments: Iterable[Judgment],
    points: dict[str, tuple[str, ...]],
    matcher: Matcher,
    max_reasons: int,
    records: RecordFile[MatchRecord],
    on_done: Callable[[MatchRecord | None], None],
) -> None:
    """Match the reasons of every judgment with its pair's human points, where both lists have something.

    Args:
        judgments: The judgments; failed ones have nothing to match.
        points: Human points by pair id.
        matcher: Who matches.
        max_reasons: The judge's list is cut to so many before it is matched.
        records: Where matches go; those already there are not made again.
        on_done: Called with every new record, and with ``None`` for every one that was there.
    """
    done = records.done()

    def missing() -> Iterator[_ListPair]:
        for judgment in judgments:
            reference = points.get(judgment.pair_id, ())
            candidate = candidate_reasons(judgment, max_reasons)
            if not (reference and candidate):
                continue
            if match_key(judgment.pair_id, judgment.judge, judgment.order, matcher.name, reference, candidate) in done:
                on_done(None)
            else:
                yield judgment.pair_id, judgment.judge, judgment.order, reference, candidate

    async def match_one(work: _ListPair) -> MatchRecord:
        pair_id, judge, order, reference, candidate = work
        return MatchRecord(
            pair_id=pair_id,
            judge=judge,
            order=order,
            matcher=matcher.name,
            reference=reference,
            candidate=candidate,
            match=await matcher.match(reference, candidate),
        )

    async for record in run_bounded(missing(), match_one, concurrency=matcher.concurrency):
        records.append(record)
        on_done(record)
