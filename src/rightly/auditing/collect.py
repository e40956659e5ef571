"""Make the missing points and matches concurrently: the second half of an audit's requests."""

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
    """Split the human reasons of every pair that has no points yet."""
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
    """Match the reasons of every judgment with its pair's human points, if neither list is empty; equal lists once.

    Args:
        judgments: Judgments to match; failed ones have no reasons.
        points: Human points by pair id.
        matcher: Matcher that links the lists.
        max_reasons: Maximum length of the judge's list; longer lists are truncated before matching.
        records: Store for the matches; stored ones are not repeated.
        on_done: Callback for every new record; it gets ``None`` for every stored one.
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
