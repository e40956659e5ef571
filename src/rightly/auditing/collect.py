"""Atomise and match what is not done yet, many at a time: the second half of an audit's asking."""

from collections.abc import Callable, Iterable, Iterator

from rightly.auditing.points import Atomiser, AtomRecord, atom_key, feedback_key
from rightly.auditing.scoring import candidate_reasons
from rightly.inference.dispatch import run_bounded
from rightly.matchers.base import Matcher, MatchRecord, match_key
from rightly.store.records import RecordFile
from rightly.types import Judgment, PreferencePair

_Lists = tuple[Judgment, tuple[str, ...], tuple[str, ...]]


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
            if atom_key(atomiser.fingerprint, feedback_key(pair)) in done:
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
    """Match the reasons of every judgment with its pair's human points, where both lists have something; equal lists once.

    Args:
        judgments: The judgments; failed ones have nothing to match.
        points: Human points by pair id.
        matcher: Who matches.
        max_reasons: The judge's list is cut to so many before it is matched.
        records: Where matches go; those already there are not made again.
        on_done: Called with every new record, and with ``None`` for every one that was there.
    """
    done = records.done()

    def missing() -> Iterator[_Lists]:
        for judgment in judgments:
            reference = points.get(judgment.pair_id, ())
            candidate = candidate_reasons(judgment, max_reasons)
            if not (reference and candidate):
                continue
            key = match_key(matcher.fingerprint, reference, candidate)
            if key in done:
                on_done(None)
            else:
                done.add(key)
                yield judgment, reference, candidate

    async def match_one(work: _Lists) -> MatchRecord:
        judgment, reference, candidate = work
        return MatchRecord(
            pair_id=judgment.pair_id,
            judge=judgment.judge,
            order=judgment.order,
            matcher=matcher.name,
            made_by=matcher.fingerprint,
            reference=reference,
            candidate=candidate,
            match=await matcher.match(reference, candidate),
        )

    async for record in run_bounded(missing(), match_one, concurrency=matcher.concurrency):
        records.append(record)
        on_done(record)
