"""Score a file of pairs with one or more reward models: resumable, over several processes, into one Parquet table."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pydantic import FiniteFloat

from rightly.metrics.preference import PreferenceMetrics, evaluate_margins
from rightly.reward_models.cluster import score_on_ray
from rightly.reward_models.model import RewardModel, Scored, windows
from rightly.store.files import atomic_write
from rightly.store.records import RecordFile
from rightly.store.run_folder import RunFolder
from rightly.types import PreferencePair, Record, content_key

logger = logging.getLogger(__name__)

SCORES, TABLE = "scores", "margins.parquet"
"""What a run writes: a folder of records, a file for each process, and the table that is made of them."""

Load = Callable[[], Iterable[PreferencePair]]


class ScoreRecord(Record):
    """The rewards that one model gave the responses of one pair.

    Attributes:
        pair_id: The pair.
        pair_key: Its content key as it was scored.
        model: What the model was loaded from, for people.
        made_by: Fingerprint of the model, precision and length included.
        rewards: One a response, in their order.
        tokens: Tokens of each sequence as scored.
        truncated: Tokens of each sequence that did not fit.
        same_as: For each response the place of the first one with the same tokens.
    """

    pair_id: str
    pair_key: str
    model: str
    made_by: str
    rewards: tuple[FiniteFloat, ...]
    tokens: tuple[int, ...]
    truncated: tuple[int, ...]
    same_as: tuple[int, ...]

    @property
    def no_difference(self) -> bool:
        """Whether all responses were the same tokens."""
        return not any(self.same_as)

    @property
    def key(self) -> str:
        """The same pair and model."""
        return _key(self.pair_id, self.pair_key, self.made_by)


@dataclass(frozen=True)
class ModelScores:
    """What one model's scores of a file say.

    Attributes:
        metrics: Of the labelled pairs that have a difference; ``None`` where there are none.
        no_difference: Pairs whose responses are all the same tokens, labelled or not. Their margin is exactly 0, and they
            are in no metric: no model can tell which response is better.
    """

    metrics: PreferenceMetrics | None
    no_difference: int


@dataclass(frozen=True)
class Workers:
    """The processes of a run and which one this is, as torchrun and ``accelerate launch`` tell.

    Attributes:
        rank: Number of this process.
        world: How many there are.
    """

    rank: int = 0
    world: int = 1

    @classmethod
    def from_environment(cls) -> "Workers":
        """Read them, join the group, and take this process's accelerator."""
        workers = cls(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))
        if workers.world > 1:
            if torch.accelerator.is_available():
                torch.accelerator.set_device_index(int(os.environ.get("LOCAL_RANK", "0")))
            if not torch.distributed.is_initialized():
                torch.distributed.init_process_group("gloo")
        return workers

    def wait(self) -> None:
        """Until every process is here."""
        if self.world > 1:
            torch.distributed.barrier()


def score_windows(
    pairs: Iterable[PreferencePair],
    model: RewardModel,
    *,
    tokens_per_batch: int,
    wanted: Callable[[int, list[PreferencePair]], bool] = lambda _number, _pairs: True,
) -> Iterator[list[Scored]]:
    """Score pairs window by window; those of no interest are passed over.

    Windows depend on nothing but the order of the pairs, so a resumed run computes the same batches. When the memory of
    the device does not suffice, the budget is halved for the rest of the run.
    """
    budget = tokens_per_batch
    for number, window in enumerate(windows(pairs)):
        while wanted(number, window):
            try:
                yield list(model.score(window, tokens_per_batch=budget))
                break
            except torch.OutOfMemoryError:
                if budget < 2:
                    raise
                budget //= 2
                logger.warning("out of memory: going on with %s tokens a batch", budget)


def score_run(
    folder: Path,
    load: Load,
    models: Mapping[str, str],
    build: Callable[[str], RewardModel],
    *,
    identity: dict[str, Any],
    inputs: Iterable[str | Path] = (),
    tokens_per_batch: int,
    fresh: bool = False,
    ray_workers: int | None = None,
    watch: Callable[[Scored], None] = lambda _scored: None,
) -> dict[str, ModelScores]:
    """Score all pairs with all models, one model at a time, and write ``margins.parquet``.

    Args:
        folder: Run folder; what it holds already is not scored again.
        load: Gives the pairs, the same at every call.
        models: Fingerprints of the models (`reward_model_fingerprint`) by what they are loaded from; names of the columns.
        build: Loads a model.
        identity: Whose run it is: a folder of another run is refused. Records are known by pair and model alone.
        inputs: What is read: the pairs, the models.
        tokens_per_batch: Tokens computed in one pass.
        fresh: Start over.
        ray_workers: Score with so many actors of Ray; ``None`` scores in this process and its like (torchrun).
        watch: Called with every pair as it is scored.

    Returns:
        What every model's scores say; on the first process, else empty.

    Raises:
        PairError: A pair cannot be scored (`RewardModel.score`); nothing is written of it.
    """
    workers = Workers.from_environment()
    run = RunFolder(folder, identity, owns=(SCORES, TABLE), inputs=inputs, fresh=fresh) if workers.rank == 0 else None
    workers.wait()
    for name, made_by in models.items():
        done = {record.key for record in read_scores(folder, made_by)}
        if all(_key(pair.id, pair.content_key, made_by) in done for pair in load()):
            continue

        def wanted(
            window_number: int, window: list[PreferencePair], made_by: str = made_by, done: set[str] = done
        ) -> bool:
            own = window_number % workers.world == workers.rank
            return own and any(_key(pair.id, pair.content_key, made_by) not in done for pair in window)

        found = _computed(load, partial(build, name), wanted, tokens_per_batch, ray_workers)
        target = folder / SCORES / f"rank-{workers.rank}.jsonl"
        with RecordFile(target, ScoreRecord, before_first=partial(_begin, run, target)) as records:
            _keep(found, name, made_by, records, done, watch)
        del found
        if torch.accelerator.is_available():
            torch.accelerator.empty_cache()
    workers.wait()
    if run is None:
        return {}
    run.begin()
    return _write_table(run.path, load, models)


def _computed(
    load: Load,
    build: Callable[[], RewardModel],
    wanted: Callable[[int, list[PreferencePair]], bool],
    tokens_per_batch: int,
    ray_workers: int | None,
) -> Iterator[list[Scored]]:
    if ray_workers is None:
        return score_windows(load(), build(), tokens_per_batch=tokens_per_batch, wanted=wanted)
    missing = (window for at, window in enumerate(windows(load())) if wanted(at, window))
    return score_on_ray(missing, build, workers=ray_workers, tokens_per_batch=tokens_per_batch)


def _begin(run: RunFolder | None, target: Path) -> None:
    if run is not None:
        run.begin()
    target.parent.mkdir(exist_ok=True)


def _keep(
    windows: Iterable[list[Scored]],
    name: str,
    made_by: str,
    records: RecordFile[ScoreRecord],
    done: set[str],
    watch: Callable[[Scored], None],
) -> None:
    for window in windows:
        for scored in window:
            pair = scored.pair
            if _key(pair.id, pair.content_key, made_by) not in done:
                records.append(
                    ScoreRecord(
                        pair_id=pair.id,
                        pair_key=pair.content_key,
                        model=name,
                        made_by=made_by,
                        rewards=scored.rewards,
                        tokens=scored.tokens,
                        truncated=scored.truncated,
                        same_as=scored.same_as,
                    )
                )
                watch(scored)


def best_other(rewards: Sequence[float], best: int) -> int:
    """The place of the largest reward but that of ``best``."""
    return max((place for place in range(len(rewards)) if place != best), key=rewards.__getitem__)


def margin(rewards: Sequence[float], label: str | None) -> float:
    """The labelled response's reward minus the best other's; A's where no response is labelled the best."""
    best = _place(label)
    return rewards[best] - rewards[best_other(rewards, best)]


def _place(label: str | None) -> int:
    return 0 if label is None or label == "tie" else ord(label) - ord("A")


class _Measured:
    """What metrics of one model need of the labelled pairs that have a difference."""

    def __init__(self) -> None:
        self.no_difference = 0
        self.margins: list[float] = []
        self.lengths: list[tuple[int, int]] = []
        self.clusters: list[str] = []

    def add(self, pair: PreferencePair, record: ScoreRecord) -> None:
        self.no_difference += record.no_difference
        if record.no_difference or pair.label in (None, "tie"):
            return
        best = _place(pair.label)
        self.margins.append(margin(record.rewards, pair.label))
        self.lengths.append((record.tokens[best], record.tokens[best_other(record.rewards, best)]))
        self.clusters.append(pair.context_key if pair.context else pair.id)

    def scores(self) -> ModelScores:
        if not self.margins:
            return ModelScores(None, self.no_difference)
        metrics = evaluate_margins(self.margins, lengths=self.lengths, clusters=self.clusters)
        return ModelScores(metrics, self.no_difference)


def _write_table(folder: Path, load: Load, models: Mapping[str, str]) -> dict[str, ModelScores]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = [{record.key: record for record in read_scores(folder, made_by)} for made_by in models.values()]
    rows: list[dict[str, Any]] = []
    measured = [_Measured() for _ in models]
    for pair in load():
        row: dict[str, Any] = {
            "id": pair.id,
            "key": pair.content_key,
            "label": pair.label,
            "k": len(pair.responses),
            "domain": pair.domain,
        }
        for number, (name, made_by) in enumerate(models.items()):
            record = found[number][_key(pair.id, pair.content_key, made_by)]
            row |= {
                f"rewards/{name}": list(record.rewards),
                f"margin/{name}": margin(record.rewards, pair.label),
                f"tokens/{name}": list(record.tokens),
                f"truncated/{name}": sum(record.truncated),
                f"no_difference/{name}": record.no_difference,
            }
            measured[number].add(pair, record)
        rows.append(row)
    with atomic_write(folder / TABLE) as unfinished:
        pq.write_table(pa.Table.from_pylist(rows), unfinished)
    return {name: own.scores() for name, own in zip(models, measured, strict=True)}


def read_scores(folder: Path, made_by: str) -> Iterator[ScoreRecord]:
    """What a run has scored so far with the model of this fingerprint."""
    for path in sorted((folder / SCORES).glob("rank-*.jsonl")):
        for record in RecordFile(path, ScoreRecord):
            if record.made_by == made_by:
                yield record


def _key(pair_id: str, pair_key: str, made_by: str) -> str:
    return content_key([pair_id, pair_key, made_by])
