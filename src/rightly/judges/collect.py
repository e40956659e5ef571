"""Judge pairs and store every judgment: the first half of an audit, and all of ``rightly judge``."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from rightly.inference.dispatch import run_bounded
from rightly.judges.base import Judge, JudgeIdentity
from rightly.store.records import RecordFile
from rightly.types import Judgment, Order, PreferencePair, judgment_key

Work = tuple[PreferencePair, Judge, Order]


async def collect_judgments(
    pairs: Iterable[PreferencePair],
    judges: Sequence[Judge],
    records: RecordFile[Judgment],
    on_done: Callable[[Judgment | None], None],
    wants: Callable[[Judge, PreferencePair], bool] = lambda judge, pair: True,
) -> None:
    """Make the missing judgments concurrently and append each one as it completes.

    Pairs are pulled one by one as judges become free, so a file of any length can be streamed.

    Args:
        pairs: The pairs to judge.
        judges: The judges; each one chooses its orders.
        records: Store for the judgments; stored ones are not repeated.
        on_done: Callback for every new judgment; it gets ``None`` for every stored one.
        wants: Whether a judge is asked about a pair.
    """
    done = records.done()

    def missing() -> Iterator[Work]:
        for pair in pairs:
            pair_key = pair.content_key
            for judge in judges:
                for order in judge.orders(pair) if wants(judge, pair) else ():
                    if judgment_key(pair.id, pair_key, judge.identity.made_by(pair), order) in done:
                        on_done(None)
                    else:
                        yield pair, judge, order

    async def judge_one(work: Work) -> Judgment:
        pair, judge, order = work
        return await judge.judge(pair, order)

    async for judgment in run_bounded(missing(), judge_one, concurrency=sum(judge.concurrency for judge in judges)):
        records.append(judgment)
        on_done(judgment)


def current_judgments(
    judgments: Iterable[Judgment], pairs: Iterable[PreferencePair], judges: Sequence[JudgeIdentity]
) -> list[Judgment]:
    """The judgments of these pairs by these judges, in their current versions and under the judges' current names.

    A folder may hold others: by another model under the same name, by a judge no longer listed, of an edited pair.
    """
    wanted: dict[tuple[str, str, str], str] = {}
    for pair in pairs:
        pair_key = pair.content_key
        wanted |= {(pair.id, pair_key, judge.made_by(pair)): judge.name for judge in judges}
    found = []
    for judgment in judgments:
        name = wanted.get((judgment.pair_id, judgment.pair_key, judgment.made_by))
        if name is not None:
            found.append(judgment if judgment.judge == name else judgment.model_copy(update={"judge": name}))
    return found
