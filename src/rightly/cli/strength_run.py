"""The work behind ``rightly strength``: margins from wherever they come, one table, figures, report."""

import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from rightly.data.load import load_pairs
from rightly.errors import InputError
from rightly.preferences.adjust import AdjustRule, Preset, Suspects
from rightly.preferences.conflicts import Conflict, ConflictFinder
from rightly.preferences.decisions import read_decisions
from rightly.preferences.diagnosis import Diagnosis
from rightly.preferences.effect import RepairEffect
from rightly.preferences.margins_table import labelled, read_scores, write_scored
from rightly.preferences.strength_table import StrengthResult, StrengthRule, diagnose_table
from rightly.store.run_folder import RunFolder
from rightly.types import Frozen, PreferencePair

OWNS = ("ensemble", "scores", "scored.parquet", "strength.parquet", "strength.json", "report.html")
"""What a run writes into its folder."""

Say = Callable[[str], None]


class StrengthConfig(Frozen):
    """What is measured, and how.

    Attributes:
        pairs: The data set; ``None`` where only a table of scores is diagnosed.
        columns: Its column family, where it cannot be told.
        limit: Only so many pairs.
        models: Reward models that score the pairs.
        train: Members of an ensemble that is trained for it; 0 for none.
        base: What its members start from.
        kind: How much of it is trained.
        folds: Of the cross-fit.
        in_sample: Score the pairs that were trained on, as the papers do.
        together: What folds do not part.
        max_length: Tokens of a sequence.
        recipe: Recipe whose tables go over the defaults of trained members.
        scores: Table of score differences that others made.
        trusted: JSON lines of ``id`` and ``label`` that people have checked.
        trust_votes: Whether votes and ``trusted`` make the probabilities where there are 50 of them, or are only compared
            with.
        expected_noise: Expected share of wrong labels.
        preset: What strength does to each pair's target, margin and weight.
        suspects: Which labels are suspected.
        share: Share of the pairs that are suspected, for ``suspects = "quantile"``.
        seed: Of everything that is drawn.
    """

    pairs: str | None = None
    columns: str | None = None
    limit: int | None = None
    models: tuple[str, ...] = ()
    train: int = 0
    base: str = "sentence-transformers/all-MiniLM-L6-v2"
    kind: Literal["heads", "lora", "checkpoints", "full"] = "heads"
    folds: int = 5
    in_sample: bool = False
    together: Literal["context", "domain", "pair"] = "context"
    max_length: int = 512
    recipe: Path | None = None
    scores: Path | None = None
    trusted: Path | None = None
    trust_votes: bool = True
    expected_noise: float | None = None
    preset: Preset = "auto"
    suspects: Suspects = "probability"
    share: float = 0.2
    seed: int = 0

    def load(self) -> Iterator[PreferencePair]:
        """The pairs that have a better response."""
        return filter(labelled, self.load_all())

    def load_all(self) -> Iterator[PreferencePair]:
        """All pairs, ties and unlabelled ones too."""
        return iter(()) if self.pairs is None else load_pairs(self.pairs, columns=self.columns, limit=self.limit)

    def tables(self) -> dict[str, Any]:
        """The tables of the recipe; empty where none is named.

        Raises:
            InputError: The file is no TOML.
        """
        if self.recipe is None:
            return {}
        try:
            return tomllib.loads(self.recipe.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"is no recipe: {error}", where=str(self.recipe)) from None


class StrengthSummary(Frozen):
    """What ``strength.json`` holds.

    Attributes:
        config: What was measured, and how.
        models: Their names.
        scales: What each model's margins were divided by.
        agreement: Spearman's correlation of the first m models' mean with that of all.
        diagnosis: Figures.
        effects: What a repair by each preset would do.
        conflicts: Pairs that contradict each other; at most 1,000 of them.
        conflict_counts: How many there are of each kind.
        held_out: Whether no model scored a pair that it trained on; ``None`` where that is not known.
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


def run_strength(
    out: Path, config: StrengthConfig, *, fresh: bool = False, say: Say = lambda _line: None
) -> StrengthSummary:
    """Measure strength, diagnose, and write ``scored.parquet``, ``strength.parquet`` and ``strength.json``.

    Raises:
        InputError: Options or data are unusable.
    """
    identity = {"verb": "strength"} | config.model_dump(
        mode="json", include={"pairs", "columns", "limit", "models", "train", "base", "kind", "folds", "in_sample",
                              "together", "max_length", "scores", "seed"},
    )  # fmt: skip
    identity["recipe"] = config.tables()
    given = (config.pairs, config.scores, config.trusted, config.recipe, config.base, *config.models)
    run = RunFolder(out, identity, owns=OWNS, inputs=filter(None, given), fresh=fresh)
    rule = StrengthRule(
        adjust=AdjustRule(preset=config.preset, suspects=config.suspects, share=config.share),
        expected_rate=config.expected_noise,
        use_people=config.trust_votes,
        seed=config.seed,
    )
    target = out / "strength.parquet"
    if config.pairs is None:
        if config.scores is None:
            raise InputError("nothing to measure", fix="name a data set, or --scores FILE")
        return _written(run, config, diagnose_table(config.scores, target, rule), (), None)
    run.begin()
    models, margins, held_out = _margins(out, config, say)
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
    out: Path, config: StrengthConfig, say: Say
) -> tuple[Sequence[str], Iterator[Sequence[float]], bool | None]:
    """Names of the models, and for each labelled pair its margins by them."""
    given = [bool(config.models), config.train > 0, config.scores is not None]
    if sum(given) > 1:
        raise InputError("--model, --train and --scores were given together", fix="choose one")
    if config.models:
        return config.models, _scored_by(out / "scores", config), None
    if config.train:
        return _trained(out, config, say)
    if config.scores is not None:
        models, found = read_scores(config.scores)
        return models, _joined(config, found, config.scores), None
    carried = [pair.margins for pair in config.load()]
    if not carried or not carried[0]:
        raise InputError("nothing scores the pairs", fix="give --model, --train N, or --scores FILE")
    width = len(carried[0])
    short = next((row for row, values in enumerate(carried, start=1) if len(values) != width), None)
    if short is not None:
        problem = f"labelled pair {short} carries {len(carried[short - 1])} margins, the first one {width}"
        raise InputError(problem, where=str(config.pairs))
    return [f"carried {n + 1}" for n in range(width)], iter(carried), None


def _joined(config: StrengthConfig, found: dict[str, list[float]], path: Path) -> Iterator[Sequence[float]]:
    for pair in config.load():
        if pair.id not in found:
            raise InputError(f"has no row of pair {pair.id!r}", where=str(path), fix="score all labelled pairs")
        yield found[pair.id]


def _scored_by(folder: Path, config: StrengthConfig) -> Iterator[Sequence[float]]:
    from rightly.errors import MissingExtraError

    try:
        from rightly.reward_models.identity import reward_model_fingerprint
        from rightly.reward_models.margins import score_run
        from rightly.reward_models.model import RewardModel
    except ImportError as error:
        raise MissingExtraError(f"scoring (no module {error.name})", "train") from None
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


def _trained(out: Path, config: StrengthConfig, say: Say) -> tuple[Sequence[str], Iterator[Sequence[float]], bool]:
    from rightly.errors import MissingExtraError

    try:
        from rightly.training.ensemble.run import EnsemblePlan, ensemble_margins
    except ImportError as error:
        raise MissingExtraError(f"training (no module {error.name})", "train") from None
    plan = EnsemblePlan(
        base=config.base,
        kind=config.kind,
        members=config.train,
        folds=0 if config.in_sample else config.folds,
        together=config.together,
        max_length=config.max_length,
        seed=config.seed,
    )
    margins = ensemble_margins(out / "ensemble", list(config.load()), plan, recipe=config.tables(), say=say)
    return [f"{config.kind} {n + 1}" for n in range(config.train)], iter(margins.T.tolist()), not config.in_sample
