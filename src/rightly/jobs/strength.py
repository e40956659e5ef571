"""Preference strength: collect margins, write one table and figures."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from rightly.data.load import load_pairs, rows_named
from rightly.data.source import PairSource, files_of, source_name
from rightly.errors import InputError, needs_extra
from rightly.jobs.config import Flag, RunConfig
from rightly.jobs.events import SILENT, Events
from rightly.jobs.suspects import SuspectsConfig
from rightly.preferences.adjust import AdjustRule, Preset
from rightly.preferences.conflicts import Conflict, ConflictFinder
from rightly.preferences.decisions import read_decisions
from rightly.preferences.effect import RepairEffect
from rightly.preferences.margins_table import labelled, read_scores, write_scored
from rightly.preferences.pair_classes import Diagnosis
from rightly.preferences.strength_table import StrengthResult, StrengthRule, diagnose_table
from rightly.store.run_folder import RunFolder
from rightly.types import Frozen, PreferencePair

TABLE = "strength.parquet"
OWNS = ("ensemble", "scores", "scored.parquet", TABLE, "strength.json", "report.html")
"""Names of the files that a run writes into its folder."""


class StrengthConfig(SuspectsConfig, RunConfig):
    """Configuration of a strength measurement."""

    pairs: Annotated[PairSource | None, Flag(positional=True)] = None
    """Source of the pairs: a file, a hub id or sample:NAME; omit it to diagnose a table of --scores."""
    columns: Annotated[str | None, Flag(metavar="FAMILY")] = None
    """Column family of the file, if its columns fit several."""
    limit: Annotated[int | None, Field(ge=1), Flag(metavar="N")] = None
    """Use only the first N pairs."""
    models: Annotated[tuple[str, ...], Flag("--model", metavar="NAME")] = ()
    """Reward model (folder or hub id) that scores the pairs; repeat for several."""
    members: Annotated[int, Field(ge=0), Flag("--train", metavar="N")] = 0
    """Train an ensemble of N members to score the pairs; 0 trains none."""
    ensemble: Literal["heads", "lora", "checkpoints", "full"] = "heads"
    """Trained part of each member, from cheap to expensive."""
    base: Annotated[str, Flag(metavar="NAME")] = "sentence-transformers/all-MiniLM-L6-v2"
    """Base model of the members: folder or hub id."""
    folds: Annotated[int, Field(ge=2)] = 5
    """Number of folds of the cross-fit: a pair is scored by members that did not train on it."""
    in_sample: bool = False
    """Score the training pairs, as the papers do, instead of cross-fitting."""
    group_by: Literal["context", "domain", "pair"] = "context"
    """Keep pairs with the same context (or domain) in one cross-validation fold."""
    max_length: Annotated[int, Field(ge=8), Flag(metavar="N")] = 512
    """Truncate sequences to N tokens."""
    recipe: Annotated[Path | None, Flag(metavar="FILE")] = None
    """Recipe (TOML) whose tables replace the training defaults of members; not for heads."""
    scores: Annotated[Path | None, Flag(metavar="FILE")] = None
    """Parquet table of existing score differences: id, and one column per model."""
    trusted: Annotated[Path | None, Flag(metavar="FILE")] = None
    """JSON Lines with id and label checked by people."""
    trust_votes: bool = True
    """Compute the probabilities from 50 or more votes and --trusted labels, or only compare with them."""
    expected_noise: Annotated[float | None, Field(ge=0, le=0.5), Flag(metavar="RATE")] = None
    """Expected share of wrong labels in [0, 1]. Default: estimated."""
    preset: Preset = "auto"
    """How strength sets each pair's loss target, margin and weight."""

    def load(self) -> Iterator[PreferencePair]:
        """Yield the pairs with a better response."""
        return filter(labelled, self.load_all())

    def load_all(self) -> Iterator[PreferencePair]:
        """Yield all pairs, including ties and unlabelled ones."""
        return iter(()) if self.pairs is None else load_pairs(self.pairs, columns=self.columns, limit=self.limit)

    def tables(self) -> dict[str, Any]:
        """The tables of the recipe; empty without a recipe.

        Raises:
            InputError: The file is not TOML.
        """
        if self.recipe is None:
            return {}
        try:
            return tomllib.loads(self.recipe.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"is not a recipe: {error}", where=str(self.recipe)) from None


class StrengthSummary(Frozen):
    """Content of ``strength.json``.

    Attributes:
        config: Configuration of the measurement.
        models: Names of the models.
        scales: Divisor of each model's margins.
        agreement: Spearman's correlation of the first m models' mean with that of all.
        diagnosis: Figures of the diagnosis.
        effects: Expected effect of a repair with each preset.
        conflicts: Pairs that contradict each other, at most 1,000.
        conflict_counts: Number of conflicts of each kind.
        held_out: Whether no model scored a pair that it trained on; ``None`` if unknown.
    """

    config: StrengthConfig
    models: tuple[str, ...]
    scales: tuple[float, ...]
    agreement: tuple[float, ...]
    diagnosis: Diagnosis
    effects: dict[Preset, RepairEffect]
    conflicts: tuple[Conflict, ...] = ()
    conflict_counts: dict[str, int] = Field(default_factory=dict)
    held_out: bool | None = None


@dataclass(frozen=True)
class Strength:
    """Result of a strength measurement.

    Attributes:
        config: Configuration of the measurement.
        summary: Figures and conflicts, as in ``strength.json``.
    """

    config: StrengthConfig
    summary: StrengthSummary

    @property
    def table(self) -> Path:
        """The Parquet table with one row per pair: strength, probability that the label is right, class, loss terms."""
        return self.config.out / TABLE


def run(config: StrengthConfig, events: Events = SILENT) -> Strength:
    """Measure strength and diagnose; writes ``scored.parquet``, ``strength.parquet`` and ``strength.json``.

    Raises:
        InputError: Options or data are unusable.
    """
    with rows_named(files_of([config.pairs or ()]), config.columns):
        return Strength(config, _summary(config, events))


def _summary(config: StrengthConfig, events: Events) -> StrengthSummary:
    out = config.out
    identity = {"verb": "strength"} | config.model_dump(
        mode="json", include={"pairs", "columns", "limit", "models", "members", "base", "ensemble", "folds", "in_sample",
                              "group_by", "max_length", "scores", "seed"},
    )  # fmt: skip
    identity["recipe"] = config.tables()
    files = (config.scores, config.trusted, config.recipe, config.base, *config.models)
    inputs = [*files_of([config.pairs or ()]), *filter(None, files)]
    run = RunFolder(out, identity, owns=OWNS, inputs=inputs, fresh=not config.resume)
    rule = StrengthRule(
        adjust=AdjustRule(preset=config.preset, suspects=config.suspects, share=config.share),
        expected_rate=config.expected_noise,
        use_people=config.trust_votes,
        seed=config.seed,
    )
    target = out / TABLE
    if config.pairs is None:
        if config.scores is None:
            raise InputError("nothing to measure", fix="give a data set, or --scores FILE")
        return _written(run, config, diagnose_table(config.scores, target, rule), (), None)
    run.begin()
    models, margins, held_out = _margins(out, config, events)
    trusted = None if config.trusted is None else read_decisions(config.trusted, config.load_all())
    write_scored(out / "scored.parquet", config.load(), margins, models, trusted)
    result = diagnose_table(out / "scored.parquet", target, rule)
    finder = ConflictFinder()
    for pair in config.load():
        finder.add(pair)
    return _written(run, config, result, tuple(finder.found()), held_out)


def _written(
    run: RunFolder,
    config: StrengthConfig,
    result: StrengthResult,
    conflicts: Sequence[Conflict],
    held_out: bool | None,
) -> StrengthSummary:
    counts: dict[str, int] = {}
    for conflict in conflicts:
        counts[conflict.kind] = counts.get(conflict.kind, 0) + 1
    summary = StrengthSummary(
        config=config,
        models=result.models,
        scales=result.scales,
        agreement=result.agreement,
        diagnosis=result.diagnosis,
        effects=result.effects,
        conflicts=tuple(conflicts[:1000]),
        conflict_counts=counts,
        held_out=held_out,
    )
    run.write("strength.json", summary)
    return summary


def _margins(
    out: Path, config: StrengthConfig, events: Events
) -> tuple[Sequence[str], Iterator[Sequence[float]], bool | None]:
    """Names of the models, and the margins of each labelled pair."""
    given = [bool(config.models), config.members > 0, config.scores is not None]
    if sum(given) > 1:
        raise InputError("--model, --train and --scores were given together", fix="choose one")
    if config.models:
        return config.models, _scored_by(out / "scores", config), None
    if config.members:
        return _trained(out, config, events)
    if config.scores is not None:
        models, found = read_scores(config.scores)
        return models, _joined(config, found, config.scores), None
    carried = [pair.margins for pair in config.load()]
    if not carried or not carried[0]:
        raise InputError("no model scores the pairs", fix="give --model, --train N, or --scores FILE")
    width = len(carried[0])
    short = next((row for row, values in enumerate(carried, start=1) if len(values) != width), None)
    if short is not None:
        problem = f"labelled pair {short} carries {len(carried[short - 1])} margins, but the first one carries {width}"
        raise InputError(problem, where=source_name(config.pairs or ()))
    return [f"carried {n + 1}" for n in range(width)], iter(carried), None


def _joined(
    config: StrengthConfig, found: dict[str, tuple[str | None, list[float]]], path: Path
) -> Iterator[Sequence[float]]:
    for pair in config.load():
        if pair.id not in found:
            raise InputError(f"has no row for pair {pair.id!r}", where=str(path), fix="score all labelled pairs")
        key, margins = found[pair.id]
        if key is not None and key != pair.content_key:
            problem = f"its scores of pair {pair.id!r} are of another text"
            raise InputError(problem, where=str(path), fix="score these pairs: rightly score")
        yield margins


def _scored_by(folder: Path, config: StrengthConfig) -> Iterator[Sequence[float]]:
    with needs_extra("scoring", "train"):
        from rightly.reward_models.identity import reward_model_fingerprint
        from rightly.reward_models.margins import score_run
        from rightly.reward_models.model import RewardModel
    import pyarrow.parquet as pq

    score_run(
        folder,
        config.load,
        {name: reward_model_fingerprint(name, max_length=config.max_length) for name in config.models},
        lambda name: RewardModel.load(name, max_length=config.max_length),
        identity=config.model_dump(mode="json", include={"pairs", "columns", "limit"}),
        tokens_per_batch=8192,
    )
    with pq.ParquetFile(folder / "margins.parquet") as file:
        for batch in file.iter_batches(columns=[f"margin/{name}" for name in config.models]):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _trained(
    out: Path, config: StrengthConfig, events: Events
) -> tuple[Sequence[str], Iterator[Sequence[float]], bool]:
    with needs_extra("training", "train"):
        from rightly.training.ensemble.run import EnsemblePlan, ensemble_margins
    plan = EnsemblePlan(
        base=config.base,
        kind=config.ensemble,
        members=config.members,
        folds=0 if config.in_sample else config.folds,
        group_by=config.group_by,
        max_length=config.max_length,
        seed=config.seed,
    )
    margins = ensemble_margins(out / "ensemble", list(config.load()), plan, recipe=config.tables(), say=events.say)
    return [f"{config.ensemble} {n + 1}" for n in range(config.members)], iter(margins.T.tolist()), not config.in_sample
