"""An audit from end to end: send requests, store records, score, summarise.

    pairs -> judgments.jsonl -> points.jsonl -> matches.jsonl -> scores.jsonl, items.jsonl, audit.json

``prose.jsonl`` beside them holds the reasons of judges that write prose. It and the first three hold the models' answers and
are only appended to. The others are computed and are rewritten each time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import NamedTuple

from rightly.auditing.cast import Cast
from rightly.auditing.collect import collect_matches, collect_points
from rightly.auditing.points import Atomiser, AtomRecord
from rightly.auditing.prose import ProseRecord, ProseSplitter, collect_prose, with_split_reasons
from rightly.auditing.result import Item, ItemJudgment
from rightly.auditing.scoring import ScoredJudgment, points_by_pair, score_judgments
from rightly.data.holdout import holdout_annotator
from rightly.inference.dispatch import Stage
from rightly.judges.base import Judge, JudgeIdentity
from rightly.judges.collect import collect_judgments, current_judgments
from rightly.matchers.base import Link, Matcher, MatchRecord
from rightly.store.run_folder import RunFolder
from rightly.types import Frozen, Judgment, Order, PreferencePair

OWNS = (
    "judgments.jsonl",
    "points.jsonl",
    "prose.jsonl",
    "matches.jsonl",
    "scores.jsonl",
    "items.jsonl",
    "audit.json",
    "report.html",
)
"""Names of the files that an audit writes into its folder."""


class Score(Frozen):
    """One judgment's resolved links and metrics, as a line of ``scores.jsonl``."""

    pair_id: str
    judge: str
    order: Order
    right: bool | None
    resolved: tuple[Link, ...]
    metrics: dict[str, float | None]


async def ask(
    pairs: Sequence[PreferencePair],
    judges: Sequence[Judge],
    atomiser: Atomiser,
    matcher: Matcher,
    *,
    splitter: ProseSplitter | None,
    reference: Mapping[str, PreferencePair],
    folder: RunFolder,
    max_reasons: int,
    stage: Stage,
) -> None:
    """Make every record that is missing from the folder: judgments, human points, matches.

    Args:
        pairs: Pairs with unique ids.
        judges: Judges to ask.
        atomiser: Atomiser that splits the human reasons.
        matcher: Matcher that links the lists.
        splitter: Model that splits the prose of judges that do not list their reasons; ``None`` leaves it unread.
        reference: Pairs that judges are measured against, by id (`reference_pairs`).
        folder: Folder for the records.
        max_reasons: Maximum length of the judges' lists; longer ones are truncated.
        stage: Callback that announces progress.
    """
    with folder.records("judgments", Judgment) as judgments, folder.records("points", AtomRecord) as points:
        n_judgments = sum(len(judge.orders(pair)) for pair in pairs for judge in judges)
        await collect_judgments(pairs, judges, judgments, stage("judging", n_judgments))
        await collect_points(reference.values(), atomiser, points, stage("human points", len(reference)))
        said = current_judgments(judgments.latest(), pairs, [judge.identity for judge in judges])
        atoms = [record for record in points.latest() if record.made_by == atomiser.fingerprint]
        known = points_by_pair(reference, atoms)
        if splitter is not None and any(judgment.prose for judgment in said):
            # What nobody matches is not split: it would be paid for nothing.
            texts = [judgment for judgment in said if judgment.prose and known.get(judgment.pair_id)]
            with folder.records("prose", ProseRecord) as prose:
                await collect_prose(texts, splitter, prose, stage("judges' prose", len(texts)))
                said = with_split_reasons(said, _made_by(splitter.fingerprint, prose.latest()))
        with folder.records("matches", MatchRecord) as matches:
            n_lists = sum(1 for judgment in said if judgment.rationales and known.get(judgment.pair_id))
            await collect_matches(said, known, matcher, max_reasons, matches, stage("matching", n_lists))


def reference_pairs(
    pairs: Sequence[PreferencePair], judges: Sequence[JudgeIdentity], seed: int
) -> dict[str, PreferencePair]:
    """The pairs that judges are measured against, by id, without an annotator that is held out as a judge."""
    if not any(judge.held_out_person for judge in judges):
        return {pair.id: pair for pair in pairs}
    held = ((pair, holdout_annotator(pair, seed)) for pair in pairs)
    return {pair.id: pair if out is None else out.pair for pair, out in held}


class CastRecords(NamedTuple):
    """The newest records of one cast."""

    judgments: list[Judgment]
    points: list[AtomRecord]
    matches: list[MatchRecord]


def records_of(folder: RunFolder, pairs: Sequence[PreferencePair], cast: Cast) -> CastRecords:
    """The records in a folder that this cast made, of its judgments those of these pairs."""
    said = current_judgments(folder.records("judgments", Judgment).latest(), pairs, cast.judges)
    split = [] if cast.splitter is None else folder.records("prose", ProseRecord).latest()
    return CastRecords(
        with_split_reasons(said, [] if cast.splitter is None else _made_by(cast.splitter.fingerprint, split)),
        [p for p in folder.records("points", AtomRecord).latest() if p.made_by == cast.atomiser.fingerprint],
        [m for m in folder.records("matches", MatchRecord).latest() if m.made_by == cast.matcher.fingerprint],
    )


def _made_by(maker: str, records: Iterable[ProseRecord]) -> list[ProseRecord]:
    return [record for record in records if record.made_by == maker]


def score_folder(
    folder: RunFolder,
    pairs: Sequence[PreferencePair],
    reference: Mapping[str, PreferencePair],
    cast: Cast,
    max_reasons: int,
) -> list[ScoredJudgment]:
    """Score the records that this cast made of these pairs in a folder; writes ``scores.jsonl``."""
    scored = score_judgments(reference, *records_of(folder, pairs, cast), max_reasons=max_reasons)
    folder.write_lines("scores.jsonl", (_score(each) for each in scored))
    return scored


def items(scored: Sequence[ScoredJudgment], judges: Sequence[str]) -> Iterator[Item]:
    """The pairs for the report's item browser, in the order of their ids, judges in the order given."""
    rank = {name: place for place, name in enumerate(judges)}
    by_pair: dict[str, list[ScoredJudgment]] = {}
    for each in scored:
        by_pair.setdefault(each.pair.id, []).append(each)
    for pair_id in sorted(by_pair):
        together = sorted(by_pair[pair_id], key=lambda each: (rank[each.judgment.judge], each.judgment.order))
        pair = together[0].pair
        yield Item(
            pair_id=pair_id,
            domain=pair.domain,
            context="\n\n".join(f"{message.role}: {message.content}" for message in pair.context),
            responses=pair.responses,
            label=pair.label,
            votes=tuple(vote.choice for vote in pair.votes),
            points=together[0].points,
            judgments=tuple(_item_judgment(each) for each in together),
        )


def metric_values(scored: ScoredJudgment) -> dict[str, float | None]:
    """The metrics of one judgment by name, without the per-rank list; empty without a match."""
    if scored.metrics is None:
        return {}
    values = asdict(scored.metrics)
    del values["score_by_rank"]
    return values


def _score(scored: ScoredJudgment) -> Score:
    return Score(
        pair_id=scored.pair.id,
        judge=scored.judgment.judge,
        order=scored.judgment.order,
        right=scored.right,
        resolved=scored.resolved,
        metrics=metric_values(scored),
    )


def _item_judgment(scored: ScoredJudgment) -> ItemJudgment:
    judgment = scored.judgment
    return ItemJudgment(
        judge=judgment.judge,
        order=judgment.order,
        verdict=judgment.verdict,
        failure=judgment.failure,
        detail=judgment.detail,
        right=scored.right,
        reasons=scored.reasons,
        links=scored.links,
        resolved=scored.resolved,
        metrics=metric_values(scored),
    )
